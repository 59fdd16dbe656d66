#include "control/load_table.h"

#include <gtest/gtest.h>

#include "support.h"

namespace gyre::control {
namespace {

using namespace std::chrono_literals;
using messages::LoadReport;

class LoadTableTest : public testing::Test {
 protected:
  // n1 is the primary of both partitions, n2 the other member.
  LoadTableTest() {
    map.nodes = {node_info("n1"), node_info("n2")};
    map.entries.resize(2);
    for (ring::PartitionEntry& entry : map.entries) {
      entry.primary = NodeId("n1");
      entry.in_sync = {{NodeId("n1"), {}}, {NodeId("n2"), {}}};
    }
  }
  void report(const char* node, LoadReport report) { table.on_report(now, NodeId(node), 2, std::move(report)); }
  static LoadReport sending(std::uint64_t bytes) {
    LoadReport report;
    report.transfers = {{PartitionId(1), NodeId("n2"), bytes, 100'000}};
    return report;
  }

  ring::ClusterMap map;
  LoadTable table;
  Instant now = kStart;
};

TEST_F(LoadTableTest, KnowsNothingAtFirst) {
  EXPECT_EQ(table.loads(map, now), std::vector<ring::PartitionLoad>(2));
  EXPECT_EQ(table.bytes_per_second(now), 0);
  EXPECT_EQ(table.status(map, now).size(), 2u);
}

TEST_F(LoadTableTest, OfAPartitionThePrimaryCounts) {
  report("n1", {.items = {{PartitionId(1), 10, 5, 700}}, .transfers = {}});
  report("n2", {.items = {{PartitionId(0), 99, 0, 400}, {PartitionId(1), 99, 0, 900}}, .transfers = {}});
  const auto loads = table.loads(map, now);
  EXPECT_EQ(loads[0], (ring::PartitionLoad{400, 0, 0})) << "its size is known from the other member";
  EXPECT_EQ(loads[1], (ring::PartitionLoad{700, 10, 5}));
}

TEST_F(LoadTableTest, OldReportsSayHowLargeThingsAreAndNotHowBusy) {
  report("n1", {{{PartitionId(1), 10, 5, 700}}, {}, 900, 1, 2});
  EXPECT_EQ(table.status(map, now)[0].p99_us, 900u);
  EXPECT_EQ(table.status(map, now)[0].faults, 2u);
  now += kLoadLife + 1s;
  EXPECT_EQ(table.loads(map, now)[1], (ring::PartitionLoad{700, 0, 0}));
  const messages::NodeLoadStatus status = table.status(map, now)[0];
  EXPECT_EQ(status.bytes, 700u);
  EXPECT_EQ(status.reads_per_second, 0);
  EXPECT_EQ(status.p99_us, 0u);
}

TEST_F(LoadTableTest, IgnoresPartitionsThatDoNotExist) {
  report("n1", {.items = {{PartitionId(900), 10, 5, 700}}, .transfers = {{PartitionId(900), NodeId("n2"), 1, 2}}});
  EXPECT_EQ(table.status(map, now)[0].bytes, 0u);
}

TEST_F(LoadTableTest, TellsWhatIsBeingSentAndHowFast) {
  report("n1", sending(0));
  ASSERT_NE(table.transfer(map, PartitionId(1), NodeId("n2"), now), nullptr);
  EXPECT_EQ(table.transfer(map, PartitionId(0), NodeId("n2"), now), nullptr);
  for (int i = 1; i <= 30; ++i) {
    now += 1s;
    report("n1", sending(static_cast<std::uint64_t>(i) * 2000));
  }
  EXPECT_EQ(table.transfer(map, PartitionId(1), NodeId("n2"), now)->bytes_sent, 60'000u);
  EXPECT_NEAR(table.bytes_per_second(now), 2000, 20);
  EXPECT_NEAR(table.bytes_per_second_of_one(now), 2000, 20);
  for (int i = 0; i < 30; ++i) {
    now += 1s;
    report("n1", {});
  }
  EXPECT_LT(table.bytes_per_second(now), 10);
  now += kLoadLife + 1s;
  EXPECT_EQ(table.bytes_per_second(now), 0);
}

TEST_F(LoadTableTest, ACopyThatBeginsAgainCountsFromItsStart) {
  report("n1", sending(50'000));
  now += 5s;
  report("n1", sending(1000));
  EXPECT_NEAR(table.bytes_per_second(now), 200, 1);
}

TEST_F(LoadTableTest, ForgetsNodes) {
  report("n1", {.items = {{PartitionId(1), 10, 5, 700}}, .transfers = {}});
  table.forget(NodeId("n1"));
  EXPECT_EQ(table.loads(map, now)[1], ring::PartitionLoad{});
}

}  // namespace
}  // namespace gyre::control
