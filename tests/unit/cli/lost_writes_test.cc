#include "tools/gyre/lost_writes.h"

#include <gtest/gtest.h>

#include "tests/unit/cli/losses.h"

namespace gyre::cli {
namespace {

std::vector<std::string> ids_of(const std::vector<LostRecord>& records) {
  std::vector<std::string> ids;
  for (const LostRecord& record : records) ids.push_back(record.id());
  return ids;
}

TEST(MergeLosses, OneWriteIsOneRecordWhoeverBringsIt) {
  LostRecord other = lost_write({Term(1), Sequence(7)});
  other.node = NodeId("n2");
  const auto merged = merge_losses({lost_write({Term(1), Sequence(7)}), other});
  ASSERT_EQ(merged.size(), 1u);
  EXPECT_EQ(merged[0].node, NodeId("n1"));
}

TEST(MergeLosses, OrdersByPartitionThenPosition) {
  LostRecord elsewhere = lost_write({Term(1), Sequence(1)});
  std::get<messages::LostWrite>(elsewhere.item.loss).partition = PartitionId(2);
  const auto merged = merge_losses(
      {lost_write({Term(2), Sequence(1)}), lost_write({Term(1), Sequence(9)}), lost_range(Term(1), 4, 6), elsewhere});
  EXPECT_EQ(ids_of(merged), (std::vector<std::string>{"2:1:1", "3:1:4", "3:1:9", "3:2:1"}));
}

TEST(MergeLosses, ReappliedInOneLedgerIsReapplied) {
  LostRecord reapplied = lost_write({Term(1), Sequence(7)});
  std::get<messages::LostWrite>(reapplied.item.loss).reapplied = true;
  for (const auto& records : {std::vector{lost_write({Term(1), Sequence(7)}), reapplied},
                              std::vector{reapplied, lost_write({Term(1), Sequence(7)})}}) {
    EXPECT_TRUE(merge_losses(records).at(0).write()->reapplied);
  }
}

TEST(MergeLosses, ARangeReachesAsFarAsAnyLedgerSays) {
  const auto merged = merge_losses({lost_range(Term(1), 4, 6), lost_range(Term(1), 4, 9)});
  ASSERT_EQ(merged.size(), 1u);
  EXPECT_EQ(writes_in(*merged[0].range()), 6u);
}

TEST(MergeLosses, ARangeAndAWriteAtItsBeginAreTwo) {
  EXPECT_EQ(merge_losses({lost_range(Term(1), 4, 6), lost_write({Term(1), Sequence(4)})}).size(), 2u);
}

TEST(LedgerView, CountsWhatIsLostGoneAndReapplied) {
  LostRecord reapplied = lost_write({Term(1), Sequence(7)});
  std::get<messages::LostWrite>(reapplied.item.loss).reapplied = true;
  LedgerView view;
  view.records = {lost_write({Term(1), Sequence(1)}), lost_write({Term(1), Sequence(2)}), reapplied,
                  lost_range(Term(1), 10, 14), lost_range(Term(2), 5, 4)};
  EXPECT_EQ(view.lost(), 2u);
  EXPECT_EQ(view.reapplied(), 1u);
  EXPECT_EQ(view.gone(), 5u) << "a range that ends before it begins holds nothing";
}

}  // namespace
}  // namespace gyre::cli
