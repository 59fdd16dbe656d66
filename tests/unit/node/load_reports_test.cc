#include "node/load_reports.h"

#include <gtest/gtest.h>

namespace gyre::node {
namespace {

messages::LoadReport report_of(std::uint16_t partition, std::uint32_t p99_us) {
  messages::LoadReport report;
  report.items = {{.partition = PartitionId(partition), .reads_per_second = 1}};
  report.transfers = {{.partition = PartitionId(partition), .to = NodeId("n2")}};
  report.p99_us = p99_us;
  report.rest_p99_us = p99_us / 2;
  return report;
}

TEST(LoadReports, OneStoreSpeaksForTheNode) {
  LoadReports loads(1);
  for (int i = 0; i < 3; ++i) {
    const auto whole = loads.add(0, report_of(3, 100));
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->items, report_of(3, 100).items);
  }
}

TEST(LoadReports, WaitsForAllStoresAndJoinsThemInOrder) {
  LoadReports loads(3);
  EXPECT_FALSE(loads.add(2, report_of(5, 100)));
  EXPECT_FALSE(loads.add(0, report_of(6, 300)));
  const auto whole = loads.add(1, report_of(1, 200));
  ASSERT_TRUE(whole);
  std::vector<std::uint16_t> partitions;
  for (const auto& item : whole->items) partitions.push_back(item.partition.value());
  EXPECT_EQ(partitions, (std::vector<std::uint16_t>{1, 5, 6}));
  EXPECT_EQ(whole->transfers.size(), 3u);
  EXPECT_EQ(whole->p99_us, 300u) << "the worst";
  EXPECT_EQ(whole->rest_p99_us, 150u);
  EXPECT_FALSE(loads.add(1, report_of(1, 200))) << "the next one is awaited from all";
}

TEST(LoadReports, AStoreThatIsSilentHoldsUpNoneForLong) {
  LoadReports loads(2);
  EXPECT_FALSE(loads.add(0, report_of(0, 100)));
  EXPECT_TRUE(loads.add(1, report_of(1, 100)));
  EXPECT_FALSE(loads.add(0, report_of(0, 200)));
  for (int i = 0; i < 3; ++i) {
    const auto whole = loads.add(0, report_of(0, 200));
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->items.size(), 2u) << "the silent one's last report stands";
  }
}

}  // namespace
}  // namespace gyre::node
