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
  const std::string calm = (sandbox.dir() / "calm").string();
  std::string command = "node " + folder + "/cluster_client.mjs " + GetParam() + " " + calm;
  for (const char* node : {"n1", "n2", "n3"}) command += " " + sandbox.process(node)["resp"].get<std::string>();
  const int served = sandbox.process("n1")["primaries"];

  auto ended = std::async(std::launch::async, [command] { return run("timeout 90 " + command); });
  const auto begun = [&] { return sandbox.gyre({"get", "key199"}).status == 0; };
  EXPECT_TRUE(eventually(10s, begun));
  EXPECT_EQ(sandbox.gyre({"cluster", "kill", "n1"}).status, 0);
  EXPECT_TRUE(eventually(10s, [&] { return sandbox.status()["cluster"]["without_primary"] == 0; }));
  EXPECT_EQ(sandbox.gyre({"cluster", "start", "n1"}).status, 0);
  // Primaries drift back one after the other.
  EXPECT_TRUE(eventually(30s, [&] { return sandbox.process("n1")["primaries"] == served; }));
  sandbox.write_file("calm", "");

  const std::string out = ended.get();
  const Json report = Json::parse(out, nullptr, false);
  ASSERT_TRUE(report.is_object()) << out;
  EXPECT_GT(report["operations"], 1000) << report;
  EXPECT_TRUE(report["calm_errors"].empty()) << report;
  EXPECT_EQ(report["wrong"], 0) << report;
  RecordProperty("report", report.dump());
}

INSTANTIATE_TEST_SUITE_P(Clients, NodeClientsTest, ::testing::Values("ioredis", "node-redis"),
                         [](const auto& instance) { return instance.index == 0 ? "ioredis" : "node_redis"; });

}  // namespace
}  // namespace gyre::integration
