#include "tools/gyre/local_cluster.h"

#include <set>

#include <gtest/gtest.h>

#include "tests/unit/cli/text_file.h"

namespace gyre::cli {
namespace {

LocalCluster layout(const ScratchDir& dir, std::uint32_t nodes = 3) {
  LayoutOptions options;
  options.nodes = nodes;
  return *lay_out_local_cluster(dir.file("cluster"), options);
}

TEST(LocalClusterFile, ComesBackAsItWasSaved) {
  const ScratchDir dir;
  LocalCluster cluster = layout(dir);
  cluster.allow_fault_injection = true;
  cluster.removed = {"n9"};
  ASSERT_TRUE(save_local_cluster(cluster));
  const auto loaded = load_local_cluster(cluster.dir);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->processes, cluster.processes);
  EXPECT_TRUE(loaded->allow_fault_injection);
  EXPECT_EQ(loaded->removed, cluster.removed);
}

TEST(LocalClusterLayout, HasARouterWhoseAddressesNobodyElseHas) {
  const ScratchDir dir;
  LayoutOptions options;
  EXPECT_EQ(lay_out_local_cluster(dir.file("cluster"), options)->router_count(), 1u);
  options.routers = kLocalRoutersMax;
  const auto cluster = lay_out_local_cluster(dir.file("cluster"), options);
  ASSERT_TRUE(cluster);
  EXPECT_EQ(cluster->find_or_null("r2")->resp, "127.0.0.1:7405");
  std::set<std::string> addresses;
  for (const LocalProcess& process : cluster->processes) {
    for (const std::string& address : {process.native, process.http, process.resp}) {
      EXPECT_TRUE(address.empty() || addresses.insert(address).second) << address;
    }
  }
  options.routers = kLocalRoutersMax + 1;
  EXPECT_FALSE(lay_out_local_cluster(dir.file("cluster"), options));
}

TEST(LocalClusterFile, OfEarlierVersionsLacksWhatCameLater) {
  const ScratchDir dir;
  std::filesystem::create_directories(dir.file("old"));
  dir.write("old/cluster.json",
            R"({"format":1,"partitions":32,"replication_factor":2,"base_port":7400,"durability":"os","processes":[]})");
  const auto loaded = load_local_cluster(dir.file("old"));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_FALSE(loaded->allow_fault_injection);
  EXPECT_TRUE(loaded->removed.empty());
}

TEST(NextNode, TakesTheFirstNumberThatIsFree) {
  const ScratchDir dir;
  LocalCluster cluster = layout(dir);
  EXPECT_EQ(cluster.next_node("z", 2).id, "n4");
  std::erase_if(cluster.processes, [](const LocalProcess& process) { return process.id == "n2"; });
  EXPECT_EQ(cluster.next_node("", 1).id, "n2");
  EXPECT_EQ(cluster.next_node("", 1).native, "127.0.0.1:7420");
}

TEST(NextNode, LeavesAloneWhatARemovedNodeLeftBehind) {
  const ScratchDir dir;
  LocalCluster cluster = layout(dir);
  std::erase_if(cluster.processes, [](const LocalProcess& process) { return process.id == "n2"; });
  cluster.removed = {"n2"};
  EXPECT_EQ(cluster.next_node("", 1).id, "n4");
}

TEST(WipeLocalCluster, DeletesWhatRemovedNodesLeftBehind) {
  const ScratchDir dir;
  LocalCluster cluster = layout(dir);
  cluster.removed = {"n9"};
  ASSERT_TRUE(save_local_cluster(cluster));
  std::filesystem::create_directories(cluster.dir / "n9" / "data");
  dir.write("cluster/lost-n9.jsonl", "{}\n");
  EXPECT_TRUE(wipe_local_cluster(cluster));
  EXPECT_FALSE(std::filesystem::exists(cluster.dir));
}

TEST(WipeLocalCluster, LeavesWhatIsNotGyres) {
  const ScratchDir dir;
  const LocalCluster cluster = layout(dir);
  ASSERT_TRUE(save_local_cluster(cluster));
  dir.write("cluster/thesis.txt", "years of work");
  EXPECT_FALSE(wipe_local_cluster(cluster));
  EXPECT_EQ(dir.read("cluster/thesis.txt"), "years of work");
}

}  // namespace
}  // namespace gyre::cli
