// Nodes killed and paused: what is refused meanwhile, what goes on, and that no acknowledged write is lost.
#include <csignal>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/sandbox.h"

namespace gyre::integration {
namespace {

class Failure : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto up = sandbox_.up({"--nodes", "3", "--rf", "1"});
    ASSERT_EQ(up.status, 0) << up.err;
  }

  // Highest and lowest term of the partitions that `id` is the primary of.
  std::pair<std::uint64_t, std::uint64_t> terms_of(const std::string& id) {
    std::uint64_t low = ~std::uint64_t{0}, high = 0;
    for (const auto& partition : sandbox_.partitions()) {
      if (partition["primary"] != id) continue;
      low = std::min(low, partition["term"].get<std::uint64_t>());
      high = std::max(high, partition["term"].get<std::uint64_t>());
    }
    return {low, high};
  }

  int get_status(const std::string& key) { return sandbox_.gyre({"--deadline", "1s", "get", key}).status; }

  Sandbox sandbox_;
};

TEST_F(Failure, AKilledNodeTakesItsPartitionsAwayAndBringsThemBackWhole) {
  std::string jsonl;
  for (int i = 0; i < 1000; ++i) jsonl += fmt::format("{{\"key\":\"k{}\",\"value\":\"{}\"}}\n", i, i);
  ASSERT_EQ(sandbox_.gyre({"load", sandbox_.write_file("k.jsonl", jsonl)}).status, 0);
  const std::string lost = sandbox_.key_on("n2", "k"), kept = sandbox_.key_on("n1", "k");
  const auto before = terms_of("n2");
  const int primaries = sandbox_.process("n2")["primaries"];
  ASSERT_GT(primaries, 0);

  ASSERT_EQ(sandbox_.gyre({"cluster", "kill", "n2"}).status, 0);
  EXPECT_EQ(get_status(lost), 3);
  EXPECT_EQ(sandbox_.gyre({"--deadline", "1s", "put", lost, "new"}).status, 3);
  EXPECT_EQ(get_status(kept), 0);
  EXPECT_EQ(sandbox_.gyre({"put", kept, "still written"}).status, 0);
  const auto degraded = sandbox_.gyre({"cluster", "status", "--json"});
  EXPECT_EQ(degraded.status, 0);
  EXPECT_EQ(degraded.json()["cluster"]["nodes_up"], 2);
  EXPECT_EQ(degraded.json()["cluster"]["without_primary"], primaries);

  const auto start = sandbox_.gyre({"cluster", "start", "n2"});
  ASSERT_EQ(start.status, 0) << start.err;
  ASSERT_TRUE(eventually(20s, [&] { return get_status(lost) == 0; }));
  EXPECT_GT(terms_of("n2").first, before.second);
  EXPECT_EQ(sandbox_.status()["cluster"]["without_primary"], 0);
  int found = 0;
  Words keys{"mget", "--json"};
  for (int i = 0; i < 1000; ++i) keys.push_back(fmt::format("k{}", i));
  const auto all = sandbox_.gyre(keys);
  for (const auto& item : all.json()) {
    const std::string expected = item["key"] == kept ? "still written" : item["key"].get<std::string>().substr(1);
    if (item.value("value", "") == expected) ++found;
  }
  EXPECT_EQ(found, 1000);
}

TEST_F(Failure, APausedNodeTimesOutAndGoesOnWhenResumed) {
  const std::string stuck = sandbox_.key_on("n3"), fine = sandbox_.key_on("n1");
  ASSERT_EQ(sandbox_.gyre({"put", stuck, "a"}).status, 0);
  ASSERT_EQ(sandbox_.gyre({"put", fine, "b"}).status, 0);
  ASSERT_EQ(sandbox_.gyre({"cluster", "pause", "n3"}).status, 0);
  EXPECT_EQ(sandbox_.process("n3")["state"], "paused");
  EXPECT_EQ(get_status(stuck), 3);
  EXPECT_EQ(get_status(fine), 0);
  ASSERT_EQ(sandbox_.gyre({"cluster", "resume", "n3"}).status, 0);
  EXPECT_TRUE(eventually(10s, [&] { return sandbox_.process("n3")["state"] == "up"; }));
  EXPECT_TRUE(eventually(10s, [&] { return get_status(stuck) == 0; }));
}

TEST_F(Failure, ServiceGoesOnWithoutTheCoordinator) {
  ASSERT_EQ(sandbox_.gyre({"put", "k", "v"}).status, 0);
  const auto epoch = sandbox_.status()["cluster"]["epoch"];
  ASSERT_EQ(sandbox_.gyre({"cluster", "kill", "c1"}).status, 0);
  EXPECT_EQ(sandbox_.gyre({"put", "k", "w"}).status, 0);
  EXPECT_EQ(sandbox_.gyre({"get", "k"}).out, "w");
  const auto status = sandbox_.gyre({"cluster", "status", "--json"});
  EXPECT_EQ(status.status, 0);
  EXPECT_EQ(status.json()["cluster"]["nodes_up"], 3);
  EXPECT_EQ(status.json()["processes"][0]["state"], "down");
  ASSERT_EQ(sandbox_.gyre({"cluster", "start", "c1"}).status, 0);
  EXPECT_GE(sandbox_.status()["cluster"]["epoch"], epoch);
  EXPECT_EQ(sandbox_.gyre({"get", "k"}).out, "w");
}

TEST_F(Failure, ANodeStartedWithoutItsCoordinatorWaitsAndThenServes) {
  ASSERT_EQ(sandbox_.gyre({"put", "k", "v"}).status, 0);
  ASSERT_EQ(sandbox_.gyre({"cluster", "down"}).status, 0);
  const auto start = sandbox_.gyre({"cluster", "start", "n1", "n2", "n3"});
  EXPECT_EQ(start.status, 0) << start.err;
  EXPECT_THAT(start.out, ::testing::HasSubstr("No coordinator runs"));
  EXPECT_TRUE(eventually(10s, [&] { return sandbox_.process("n1")["state"] == "starting"; }));
  EXPECT_EQ(get_status("k"), 3);
  ASSERT_EQ(sandbox_.gyre({"cluster", "start", "c1"}).status, 0);
  EXPECT_TRUE(eventually(20s, [&] { return get_status("k") == 0; }));
}

TEST_F(Failure, UpAfterAMassacreExplainsAndBringsEverythingBack) {
  ASSERT_EQ(sandbox_.gyre({"put", "k", "v"}).status, 0);
  const Json status = sandbox_.status();
  for (const auto& process : status["processes"]) ::kill(process["pid"].get<pid_t>(), SIGKILL);
  ASSERT_TRUE(eventually(5s, [&] { return sandbox_.gyre({"cluster", "status"}).status == 3; }));
  const auto up = sandbox_.gyre({"cluster", "up"});
  ASSERT_EQ(up.status, 0) << up.err;
  EXPECT_THAT(up.err, ::testing::HasSubstr("n2 had ended by itself"));
  EXPECT_EQ(sandbox_.gyre({"get", "k"}).out, "v");
}

}  // namespace
}  // namespace gyre::integration
