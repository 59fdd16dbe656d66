#include "tools/gyre/partition_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using State = PartitionGroup::State;

ring::PartitionEntry entry(const std::string& primary, std::vector<std::string> in_sync, std::uint64_t term = 3) {
  ring::PartitionEntry entry;
  if (!primary.empty()) entry.primary = NodeId(primary);
  entry.term = Term(term);
  for (const auto& id : in_sync) entry.in_sync.push_back({NodeId(id), {}});
  return entry;
}

messages::PartitionStatus::Member member(const std::string& node, std::int64_t lag_ms, std::int64_t lease_ms) {
  return {.node = NodeId(node), .lag_ms = lag_ms, .lease_left_ms = lease_ms, .counted = true};
}

messages::PartitionStatus serves(std::vector<messages::PartitionStatus::Member> members) {
  messages::PartitionStatus status;
  status.role = messages::PartitionStatus::Role::primary;
  status.serving = true;
  status.members = std::move(members);
  return status;
}

TEST(PartitionGroups, PutEqualPartitionsIntoOneLine) {
  ring::ClusterMap map;
  map.entries = {entry("n1", {"n1", "n2", "n3"}), entry("n1", {"n3", "n2", "n1"}, 5), entry("n1", {"n1", "n2", "n3"})};
  PrimaryAnswers answers;
  answers[PartitionId(0)] = serves({member("n2", 0, 1900), member("n3", 12, 1700)});
  answers[PartitionId(1)] = serves({member("n2", 0, 1750)});
  answers[PartitionId(2)] = serves({});
  const auto groups = group_partitions(map, answers);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(describe(groups[0]), "partitions 0-2: n1 serves, term 3-5, in sync n1,n2,n3, lag 12 ms, lease 1.7 s left");
}

TEST(PartitionGroups, ShowWhatNeedsAttentionFirst) {
  ring::ClusterMap map;
  map.entries = {entry("n1", {"n1", "n2", "n3"}), entry("n2", {"n2", "n1", "n3"}), entry("n2", {"n2", "n1", "n3"}),
                 entry("n2", {"n2", "n3"}),       entry("n3", {"n3", "n1"}),       entry("", {}),
                 entry("n1", {"n1", "n2"})};
  map.entries[3].learners = {NodeId("n1")};
  PrimaryAnswers answers;
  for (const std::uint16_t i : {0, 1, 2, 3}) answers[PartitionId(i)] = serves({});
  answers[PartitionId(6)].why = "waits for its own lease";
  std::vector<std::string> lines;
  for (const auto& group : group_partitions(map, answers)) lines.push_back(describe(group));
  EXPECT_THAT(lines, ElementsAre("partition 5: no primary, term 3",  //
                                 "partition 4: n3 does not answer, term 3, in sync n3,n1",
                                 "partition 6: n1 does not serve: waits for its own lease, term 3, in sync n1,n2",
                                 "partition 3: n2 serves, term 3, in sync n2,n3, catching up n1",
                                 "partitions 1-2: n2 serves, term 3, in sync n2,n1,n3",
                                 "partition 0: n1 serves, term 3, in sync n1,n2,n3"));
}

TEST(PartitionGroups, ALearnerLagsWithoutCountingAndALeaseMayHaveRunOut) {
  ring::ClusterMap map;
  map.entries = {entry("n1", {"n1", "n2"})};
  PrimaryAnswers answers;
  answers[PartitionId(0)] = serves({member("n2", 3, -20), member("n4", 9000, 1000)});
  EXPECT_EQ(describe(group_partitions(map, answers).at(0)),
            "partition 0: n1 serves, term 3, in sync n1,n2, lag 3 ms, lease run out");
}

TEST(PartitionGroups, OfAnEmptyMapAreNone) { EXPECT_THAT(group_partitions({}, {}), IsEmpty()); }

TEST(Ranges, AreShortAndCutOff) {
  EXPECT_EQ(to_ranges({}, 10), "");
  EXPECT_EQ(to_ranges({0, 1, 2, 3, 7, 9, 10}, 20), "0-3,7,9-10");
  EXPECT_EQ(to_ranges({0, 2, 4, 6, 8}, 6), "0,2,4,... (5 in all)");
  EXPECT_EQ(to_ranges({1000, 2000}, 1), "1000,... (2 in all)") << "the first is always shown";
}

}  // namespace
}  // namespace gyre::cli
