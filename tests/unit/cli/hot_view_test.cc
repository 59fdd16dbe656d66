#include "tools/gyre/hot_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using messages::HotResponse;
using testing::AllOf;
using testing::HasSubstr;

const PartitionId p0(0), p1(1);

// n1 is primary of partition 0, and both answer reads of it.
std::vector<HotResponse> answers() {
  return {{.keys = {{Bytes::literal("a"), p0, 100, 10}, {Bytes::literal("b"), p1, 90, 0}},
           .partitions = {{p0, 60, 40, 1000}, {p1, 5, 85, 10}}},
          {.keys = {{Bytes::literal("b"), p1, 20, 5}}, .partitions = {{p0, 50, 0, 1100}}}};
}

ring::ClusterMap cluster() {
  ring::ClusterMap map;
  map.shape.partitions = 2;
  map.entries.resize(2);
  map.entries[0].primary = NodeId("n1");
  return map;
}

TEST(MergeHot, AddsUpWhatMembersAnswered) {
  const HotView view = merge_hot(answers());
  ASSERT_EQ(view.partitions.size(), 2u);
  EXPECT_EQ(view.partitions[0].partition, p0);
  EXPECT_EQ(view.partitions[0].reads_per_second, 110);
  EXPECT_EQ(view.partitions[0].writes_per_second, 40);
  EXPECT_EQ(view.partitions[0].bytes, 1100u) << "of one copy";
  EXPECT_EQ(view.operations_per_second, 240);
}

TEST(MergeHot, OrdersKeysByTheirSums) {
  const HotView view = merge_hot(answers());
  ASSERT_EQ(view.keys.size(), 2u);
  EXPECT_EQ(view.keys[0].key.view(), "b");
  EXPECT_EQ(view.keys[0].per_second, 110);
  EXPECT_EQ(view.keys[0].error, 5);
}

TEST(MergeHot, LeavesOutKeysWhoseSumIsShownAsNothing) {
  const Bytes tiny = Bytes::literal("a"), small = Bytes::literal("b");
  const HotView view = merge_hot({{.keys = {{tiny, p0, 0.4, 0}, {small, p0, 0.3, 0}}, .partitions = {}},
                                  {.keys = {{small, p0, 0.3, 0}}, .partitions = {}}});
  ASSERT_EQ(view.keys.size(), 1u);
  EXPECT_EQ(view.keys[0].key.view(), "b");
}

TEST(HotText, ShowsPartitionsAndKeysWithTheirShares) {
  HotView view = merge_hot(answers());
  view.silent = {NodeId("n3")};
  const std::string text = hot_text(view, cluster(), {});
  EXPECT_THAT(text, AllOf(HasSubstr("PRIMARY"), HasSubstr("n1"), HasSubstr("62.5%"), HasSubstr("AT LEAST"),
                          HasSubstr("No answer from n3")));
}

TEST(HotText, ShowsKeysOfAnyBytesOnOneLine) {
  HotView view;
  view.keys = {{Bytes::copy_of("\x01\xff\n" + std::string(100, 'k')), p0, 5, 0}};
  EXPECT_THAT(hot_text(view, cluster(), {}), AllOf(HasSubstr("\\x01\\xff\\n"), HasSubstr("...\n")));
}

TEST(HotText, SaysThatNothingIsHot) { EXPECT_THAT(hot_text({}, cluster(), {}), HasSubstr("No partition was asked")); }

TEST(HotText, SaysThatNoKeyIsHotWherePartitionsAre) {
  const HotView view = merge_hot({{.keys = {{Bytes::literal("a"), p0, 0.1, 0}}, .partitions = {{p0, 1, 0, 1}}}});
  EXPECT_THAT(hot_text(view, cluster(), {}), HasSubstr("\nNo key was asked for often lately.\n"));
  EXPECT_THAT(hot_text(view, cluster(), {.keys = 0}), testing::Not(HasSubstr("No key")));
}

TEST(HotJson, KeepsWithinItsLimits) {
  const Json json = hot_json(merge_hot(answers()), cluster(), {.partitions = 1, .keys = 0});
  ASSERT_EQ(json["partitions"].size(), 1u);
  EXPECT_EQ(json["partitions"][0]["primary"], "n1");
  EXPECT_EQ(json["keys"].size(), 0u);
}

TEST(HotJson, EncodesKeysThatAreNoText) {
  HotView view;
  view.keys = {{Bytes::literal("\xff"), p1, 5, 1}};
  const Json json = hot_json(view, cluster(), {});
  EXPECT_EQ(json["keys"][0]["key_b64"], "/w==");
  EXPECT_TRUE(hot_json(merge_hot(answers()), cluster(), {})["partitions"][1]["primary"].is_null());
}

}  // namespace
}  // namespace gyre::cli
