#include "observe/map_json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support.h"

namespace gyre::observe {
namespace {

using nlohmann::json;

TEST(MapJson, NamesClusterShapeNodesAndPartitions) {
  const json out = map_json(example_map());
  EXPECT_EQ(out["cluster"], "00000000000000010000000000000002");
  EXPECT_EQ(out["epoch"], 7);
  EXPECT_EQ(out["shape"]["partitions"], 2);
  EXPECT_EQ(out["shape"]["min_in_sync"], 3);
  EXPECT_EQ(out["shape"]["heartbeat_ms"], 100);
  EXPECT_EQ(out["shape"]["detection_ms"], 1000);
  EXPECT_EQ(out["shape"]["lease_ms"], 2000);
  EXPECT_EQ(out["moves"], json::parse(R"({"moves_per_node":4,"bytes_per_second":0,"p99_factor":2.0})"));
  EXPECT_EQ(out["coordinators"], json::array({"127.0.0.1:7300"}));
  ASSERT_EQ(out["nodes"].size(), 3u);
  EXPECT_EQ(out["nodes"][0]["zone"], "a");
  EXPECT_EQ(out["nodes"][0]["membership"], "active");
  EXPECT_EQ(out["nodes"][0]["generation"], 6);
  EXPECT_TRUE(out["nodes"][0]["resp"].is_null());
  EXPECT_EQ(out["partitions"].size(), 2u);
}

TEST(MapJson, APartitionShowsItsSlotsAndMembersByRole) {
  EXPECT_EQ(partition_json(example_map(), PartitionId(1)),
            json::parse(R"({"partition":1,"first_slot":8192,"last_slot":16383,"term":3,"version":5,"primary":"n1",
                            "primary_incarnation":4,"in_sync":["n2","n1"],"generations":[6,5],"replicas":["n2"],
                            "learners":["n3"],"departed":["n3"],"deposed":[{"node":"n2","term":2}]})"));
}

TEST(MapJson, ANodeShowsWhetherItTakesPart) {
  ring::NodeInfo node = example_map().nodes[0];
  for (const auto& [membership, name] :
       {std::pair(ring::Membership::active, "active"), std::pair(ring::Membership::draining, "draining"),
        std::pair(ring::Membership::away, "away"), std::pair(ring::Membership::removing, "removing"),
        std::pair(ring::Membership::gone, "gone")}) {
    node.membership = membership;
    EXPECT_EQ(node_json(node)["membership"], name);
  }
}

TEST(MapJson, APartitionWithoutAPrimarySaysNull) {
  const json out = partition_json(example_map(), PartitionId(0));
  EXPECT_TRUE(out["primary"].is_null());
  EXPECT_EQ(out["in_sync"], json::array());
}

}  // namespace
}  // namespace gyre::observe
