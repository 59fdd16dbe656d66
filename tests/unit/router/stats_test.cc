#include "router/stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "routing/peer_metrics.h"

namespace gyre::router {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(RouterStats, ShowsEachMember) {
  const RouterOptions options;
  const resp::Server server;
  const ReadCache cache({});
  MetricsRegistry metrics;
  auto map = std::make_shared<ring::ClusterMap>();
  for (const char* id : {"n1", "n2", "n3"}) map->nodes.push_back({.id = NodeId(id)});
  map->nodes[2].membership = ring::Membership::draining;
  routing::PeerMetrics counted(metrics, NodeId("n1"));
  counted.requests.add(5);
  counted.latency.record(std::chrono::milliseconds(3));
  routing::PeerMetrics(metrics, NodeId("n2")).breakers_open.add(1);
  StatsSource source{.options = options, .server = server, .cache = cache, .metrics = metrics, .map = map};

  json members = json::parse(stats_json(source))["members"];
  ASSERT_EQ(members.size(), 3U);
  EXPECT_EQ(members[0]["requests"], 5);
  EXPECT_NEAR(members[0]["read_us"]["p99"].get<double>(), 3000, 100);
  EXPECT_EQ(members[0]["state"], "up");
  EXPECT_EQ(members[1]["state"], "down");
  EXPECT_EQ(members[2]["state"], "draining");
  EXPECT_EQ(members[2]["weight"], 1);

  source.weights[NodeId("n1")] = 0;
  members = json::parse(stats_json(source))["members"];
  EXPECT_EQ(members[0]["state"], "drained");
  EXPECT_EQ(members[0]["weight"], 0);
}

TEST(RouterStats, AWeightIsReadFromJson) {
  EXPECT_EQ(*parse_weight(R"({"weight": 0.5})"), 0.5);
  EXPECT_EQ(*parse_weight(R"({"weight": 0})"), 0);
  for (const char* wrong : {"", "{}", "7", R"({"weight": "1"})", R"({"weight": -1})", R"({"weight": 1001})",
                            R"({"weight": 1, "drain": true})", "[[[[["}) {
    const auto refused = parse_weight(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_THAT(refused.error().message, HasSubstr(R"({"weight": W})"));
  }
}

TEST(RouterStats, ThePageNeedsNothingFromElsewhere) {
  EXPECT_THAT(stats_page(), HasSubstr("stats.json"));
  EXPECT_EQ(stats_page().find("http://"), std::string::npos);
  EXPECT_EQ(stats_page().find("https://"), std::string::npos);
}

}  // namespace
}  // namespace gyre::router
