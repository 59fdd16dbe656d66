// The cluster clients of Node.js, unmodified, while a node is killed and comes back.
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/redis_clients.h"
#include "tests/integration/sandbox.h"

namespace gyre::integration {
namespace {

class NodeClientsTest : public ::testing::TestWithParam<const char*> {};

TEST_P(NodeClientsTest, RecoverWhenANodeIsKilledAndReturns) {
  const std::string folder = NODE_CLIENTS;
  if (!installed("node") || !std::filesystem::exists(folder + "/node_modules")) {
    GTEST_SKIP() << "no clients for Node.js: `tools/dev test` installs them";
  }
  Sandbox sandbox;
  const Output up = sandbox.up();
  ASSERT_EQ(up.status, 0) << up.err;
  std::string command = "node " + folder + "/cluster_client.mjs " + GetParam() + " 8";
  for (const char* node : {"n1", "n2", "n3"}) command += " " + sandbox.process(node)["resp"].get<std::string>();

  auto ended = std::async(std::launch::async, [command] { return run("timeout 60 " + command); });
  ASSERT_TRUE(eventually(10s, [&] { return sandbox.gyre({"get", "key199"}).status == 0; }));
  ASSERT_EQ(sandbox.gyre({"cluster", "kill", "n1"}).status, 0);
  ASSERT_TRUE(eventually(10s, [&] { return sandbox.status()["cluster"]["without_primary"] == 0; }));
  ASSERT_EQ(sandbox.gyre({"cluster", "start", "n1"}).status, 0);

  const std::string out = ended.get();
  const Json report = Json::parse(out, nullptr, false);
  ASSERT_TRUE(report.is_object()) << out;
  EXPECT_GT(report["operations"], 1000) << report;
  EXPECT_GT(report["quiet_ms"], 1000) << "its last failure was not long before its end: " << report;
  EXPECT_EQ(report["wrong"], 0) << report;
  RecordProperty("report", report.dump());
}

INSTANTIATE_TEST_SUITE_P(Clients, NodeClientsTest, ::testing::Values("ioredis", "node-redis"),
                         [](const auto& instance) { return instance.index == 0 ? "ioredis" : "node_redis"; });

}  // namespace
}  // namespace gyre::integration
