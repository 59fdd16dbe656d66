// `gyred` alone, started by hand: order of start, foreign and busy directories, signals, wrong flags.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/sandbox.h"

namespace gyre::integration {
namespace {

using ::testing::HasSubstr;

class GyredTest : public ::testing::Test {
 protected:
  std::string address(int index) const { return "127.0.0.1:" + std::to_string(base_ + index); }
  std::string data(const std::string& name) const { return (sandbox_.dir() / name / "data").string(); }

  // Addresses from 10k on are those of coordinator or node k.
  Words coordinator(const std::string& name, int k) const {
    return {"coordinator",  "--data", data(name),        "--listen", address(10 * k), "--http", address(10 * k + 1),
            "--partitions", "16",     "--initial-nodes", "1"};
  }
  Words node(const std::string& name, int k, int coordinator) const {
    return {"node",
            "--id",
            "n1",
            "--data",
            data(name),
            "--listen",
            address(10 * k),
            "--http",
            address(10 * k + 1),
            "--resp",
            address(10 * k + 2),
            "--coordinator",
            address(10 * coordinator)};
  }
  bool ready(int k, std::chrono::milliseconds limit = 20s) const {
    return eventually(limit, [&] { return http_get(address(10 * k + 1), "/readyz").status == 200; });
  }

  Sandbox sandbox_;
  const std::uint16_t base_ = Sandbox::free_ports(60);
};

TEST_F(GyredTest, ANodeStartedFirstWaitsForItsCoordinatorSayingSo) {
  Server n1(sandbox_, "n1", node("n1", 1, 0));
  ASSERT_TRUE(eventually(10s, [&] { return n1.log_contains("wait") && n1.log_contains(address(0)); })) << n1.log();
  EXPECT_EQ(http_get(address(11), "/healthz").status, 200);
  EXPECT_EQ(http_get(address(11), "/readyz").status, 503);
  Server c1(sandbox_, "c1", coordinator("c1", 0));
  EXPECT_TRUE(ready(1)) << n1.log();
  EXPECT_EQ(sandbox_.gyre_anywhere({"--seeds", address(10), "put", "k", "v"}).status, 0);
}

TEST_F(GyredTest, SigtermAndSigintEndBothRolesWithStatusZero) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Server c1(sandbox_, "c1", coordinator("c1", 0));
    Server n1(sandbox_, "n1", node("n1", 1, 0));
    ASSERT_TRUE(ready(1)) << n1.log();
    n1.send(signal);
    EXPECT_EQ(n1.wait(15s), 0) << n1.log();
    c1.send(signal);
    EXPECT_EQ(c1.wait(15s), 0) << c1.log();
  }
}

TEST_F(GyredTest, SigtermEndsANodeThatStillWaits) {
  Server n1(sandbox_, "n1", node("n1", 1, 0));
  ASSERT_TRUE(eventually(10s, [&] { return http_get(address(11), "/healthz").status == 200; }));
  n1.send(SIGTERM);
  EXPECT_EQ(n1.wait(15s), 0) << n1.log();
}

TEST_F(GyredTest, ADirectoryOfAnotherClusterIsRefusedInOneSentence) {
  {
    Server c1(sandbox_, "c1", coordinator("c1", 0));
    Server n1(sandbox_, "n1", node("n1", 1, 0));
    ASSERT_TRUE(ready(1)) << n1.log();
    n1.send(SIGTERM);
    ASSERT_EQ(n1.wait(15s), 0);
  }
  Server other(sandbox_, "other", coordinator("other", 2));
  Server n1(sandbox_, "n1", node("n1", 1, 2));
  const auto status = n1.wait(15s);
  ASSERT_TRUE(status.has_value()) << n1.log();
  EXPECT_NE(*status, 0);
  EXPECT_THAT(n1.log(), HasSubstr("cluster"));
}

TEST_F(GyredTest, ASecondProcessOnTheSameDirectoryIsRefused) {
  Server c1(sandbox_, "c1", coordinator("c1", 0));
  Server n1(sandbox_, "n1", node("n1", 1, 0));
  ASSERT_TRUE(ready(1)) << n1.log();
  Words same_data = node("n1", 3, 0);
  Server second_node(sandbox_, "second_node", same_data);
  const auto node_status = second_node.wait(15s);
  ASSERT_TRUE(node_status.has_value());
  EXPECT_EQ(*node_status, 1);
  EXPECT_THAT(second_node.log(), HasSubstr("in use by process " + std::to_string(n1.pid())));

  Server second_coordinator(sandbox_, "second_coordinator", coordinator("c1", 4));
  const auto coordinator_status = second_coordinator.wait(15s);
  ASSERT_TRUE(coordinator_status.has_value());
  EXPECT_EQ(*coordinator_status, 1);
  EXPECT_THAT(second_coordinator.log(), HasSubstr("in use by process " + std::to_string(c1.pid())));

  EXPECT_EQ(sandbox_.gyre_anywhere({"--seeds", address(10), "put", "k", "v"}).status, 0);
}

TEST_F(GyredTest, ASecondDirectoryUnderTheSameIdIsNotAdmitted) {
  Server c1(sandbox_, "c1", coordinator("c1", 0));
  Server n1(sandbox_, "n1", node("n1", 1, 0));
  ASSERT_TRUE(ready(1)) << n1.log();
  Server impostor(sandbox_, "impostor", node("impostor", 3, 0));
  ASSERT_TRUE(eventually(15s, [&] { return impostor.log_contains("n1") && impostor.log_contains("id"); }));
  EXPECT_NE(http_get(address(31), "/readyz").status, 200);
  EXPECT_EQ(sandbox_.gyre_anywhere({"--seeds", address(10), "put", "k", "v"}).status, 0);
}

TEST_F(GyredTest, AnAddressInUseIsNamed) {
  Server c1(sandbox_, "c1", coordinator("c1", 0));
  ASSERT_TRUE(eventually(10s, [&] { return http_get(address(1), "/healthz").status == 200; }));
  Server second(sandbox_, "second", coordinator("second", 0));
  const auto status = second.wait(15s);
  ASSERT_TRUE(status.has_value());
  EXPECT_NE(*status, 0);
  EXPECT_THAT(second.log(), HasSubstr(address(0)));
}

TEST_F(GyredTest, WrongFlagsAreExplainedWithStatusTwo) {
  const std::vector<std::pair<Words, std::string>> wrong{
      {{"noed"}, "node"},
      {{"node", "--ziel", "x"}, "--ziel"},
      {{"node", "--id", "bad id!", "--data", data("x")}, "id"},
      {{"node", "--data", data("x"), "--listen", "nonsense"}, "nonsense"},
      {{"node", "--data", data("x"), "--weight", "-1"}, "weight"},
      {{"coordinator", "--data", data("x"), "--partitions", "100"}, "partitions"},
      {{"node", "--data", data("x"), "--log-level", "inof"}, "info"},
  };
  int number = 0;
  for (const auto& [words, named] : wrong) {
    Server server(sandbox_, "wrong" + std::to_string(++number), words);
    EXPECT_EQ(server.wait(15s), 2) << words.back() << '\n' << server.log();
    EXPECT_THAT(server.log(), HasSubstr(named));
  }
}

TEST_F(GyredTest, AListenerBeyondLoopbackIsRefusedWithoutTheFlagThatAllowsIt) {
  Words words = node("n1", 1, 0);
  for (auto& word : words) {
    if (word == address(10)) word = "0.0.0.0:" + std::to_string(base_ + 10);
  }
  Server n1(sandbox_, "n1", words);
  const auto status = n1.wait(15s);
  ASSERT_TRUE(status.has_value()) << n1.log();
  EXPECT_NE(*status, 0);
  EXPECT_THAT(n1.log(), HasSubstr("--allow-remote"));
}

}  // namespace
}  // namespace gyre::integration
