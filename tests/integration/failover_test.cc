// Replicas on real processes: kills, pauses and restarts, what goes on meanwhile, and what is accounted for afterwards.
#include <algorithm>
#include <future>
#include <sstream>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/sandbox.h"

namespace gyre::integration {
namespace {

using testing::Contains;
using testing::HasSubstr;

class Failover : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto up = sandbox_.up({"--nodes", "3", "--rf", "3"});
    ASSERT_EQ(up.status, 0) << up.err;
    ASSERT_TRUE(whole()) << "after `cluster up` every member must be in sync";
  }

  bool whole_now() const {
    const Json cluster = sandbox_.status()["cluster"];
    return cluster.value("under_replicated", -1) == 0 && cluster.value("without_primary", -1) == 0 &&
           cluster.value("not_serving", -1) == 0;
  }
  bool whole() const {
    return eventually(20s, [this] { return whole_now(); });
  }
  int run(const Words& words) const { return sandbox_.gyre(words).status; }
  std::string value_of(const std::string& key, const std::string& read = "linearizable") const {
    std::string out = sandbox_.gyre({"--deadline", "5s", "--read", read, "get", key}).out;
    while (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
  }
  std::vector<std::string> events() const {
    std::vector<std::string> kinds;
    std::istringstream lines(sandbox_.gyre({"events", "--json", "-n", "1000"}).out);
    for (std::string line; std::getline(lines, line);) kinds.push_back(Json::parse(line)["kind"]);
    return kinds;
  }
  std::uint64_t term_sum() const {
    std::uint64_t sum = 0;
    for (const auto& partition : sandbox_.partitions()) sum += partition["term"].get<std::uint64_t>();
    return sum;
  }

  Sandbox sandbox_;
};

TEST_F(Failover, AnotherMemberServesAtOnceAndTheNodeComesBack) {
  const std::string key = sandbox_.key_on("n2");
  ASSERT_EQ(run({"--ack", "all", "put", key, "before"}), 0);
  ASSERT_EQ(run({"cluster", "kill", "n2"}), 0);
  EXPECT_EQ(value_of(key), "before");
  EXPECT_EQ(run({"put", key, "after"}), 0) << "within the deadline of one call";
  EXPECT_NE(sandbox_.primary_of(key), "n2");
  EXPECT_THAT(events(), testing::AllOf(Contains("promoted"), Contains("serving")));

  ASSERT_EQ(run({"cluster", "start", "n2"}), 0);
  ASSERT_TRUE(whole());
  EXPECT_EQ(value_of(key), "after");
  EXPECT_TRUE(eventually(30s, [&] { return sandbox_.process("n2")["primaries"].get<int>() > 0; }))
      << "primaries drift back";
  const auto verified = sandbox_.gyre({"cluster", "verify"});
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
}

TEST_F(Failover, APausedPrimaryIsReplacedAndServesNothingWhenItWakes) {
  const std::string key = sandbox_.key_on("n1");
  ASSERT_EQ(run({"--ack", "all", "put", key, "1"}), 0);
  ASSERT_EQ(run({"cluster", "pause", "n1"}), 0);
  EXPECT_EQ(run({"--deadline", "10s", "--ack", "all", "put", key, "2"}), 0);
  ASSERT_EQ(run({"cluster", "resume", "n1"}), 0);
  EXPECT_EQ(value_of(key), "2");
  ASSERT_TRUE(whole());
  EXPECT_EQ(value_of(key), "2");
  EXPECT_EQ(run({"cluster", "verify"}), 0);
}

TEST_F(Failover, AShortPauseCausesNoPromotion) {
  const auto terms = term_sum();
  ASSERT_EQ(run({"cluster", "pause", "n1"}), 0);
  const auto resume_at = std::chrono::steady_clock::now() + 500ms;
  eventually(500ms, [&] { return std::chrono::steady_clock::now() >= resume_at; });
  ASSERT_EQ(run({"cluster", "resume", "n1"}), 0);
  const std::string key = sandbox_.key_on("n1");
  EXPECT_EQ(run({"--ack", "all", "put", key, "v"}), 0);
  EXPECT_EQ(term_sum(), terms);
}

TEST_F(Failover, WhatAFailoverLosesIsInTheLedgerAndComesBackByReplay) {
  // More than a stream carries to a member that acknowledges nothing. The coordinator is away, too: members that lag
  // for long leave the in-sync sets, and then nobody could be promoted.
  const std::string key = sandbox_.key_on("n1"), other = sandbox_.key_on("n1", "other");
  const std::string ballast = sandbox_.write_file("ballast", std::string(9'000'000, 'x'));
  ASSERT_EQ(run({"cluster", "kill", "c1"}), 0);
  ASSERT_EQ(run({"cluster", "pause", "n2", "n3"}), 0);
  ASSERT_EQ(run({"put", fmt::format("{{{}}}ballast", key), "--file", ballast}), 0);
  ASSERT_EQ(run({"put", key, "only n1 has it"}), 0);
  ASSERT_EQ(run({"cluster", "kill", "n1"}), 0);
  ASSERT_EQ(run({"cluster", "resume", "n2", "n3"}), 0);
  ASSERT_EQ(run({"cluster", "start", "c1"}), 0);
  ASSERT_TRUE(eventually(20s, [&] { return run({"--ack", "2", "put", other, "x"}) == 0; }));
  EXPECT_EQ(run({"get", key}), 1) << "not found: nobody who is there has it";
  EXPECT_GT(sandbox_.gyre({"lost", "list", "--json"}).json()["not_accounted_for"].size(), 0u)
      << "until n1 returns, nobody knows what only it has";

  ASSERT_EQ(run({"cluster", "start", "n1"}), 0);
  ASSERT_TRUE(whole());
  ASSERT_TRUE(
      eventually(20s, [&] { return sandbox_.gyre({"lost", "list", "--json"}).json()["not_accounted_for"].empty(); }));
  const Json lost = sandbox_.gyre({"lost", "list", "--json"}).json();
  std::string id;
  for (const auto& record : lost["records"]) {
    if (record["mutations"][0]["key"] == key) id = record["id"];
  }
  ASSERT_NE(id, "") << lost.dump(1);
  EXPECT_THAT(sandbox_.gyre({"lost", "show", id}).out, HasSubstr("only n1 has it"));

  const auto replayed = sandbox_.gyre({"lost", "replay", "--all", "--if-unchanged"});
  EXPECT_EQ(replayed.status, 0) << replayed.err;
  EXPECT_THAT(replayed.out, HasSubstr(id + ": replayed as absent"));
  EXPECT_EQ(value_of(key), "only n1 has it");
  EXPECT_THAT(sandbox_.gyre({"lost", "replay", id}).out, HasSubstr("1 already there"));
  ASSERT_EQ(run({"put", key, "newer"}), 0);
  EXPECT_THAT(sandbox_.gyre({"lost", "replay", id}).out, HasSubstr("changed since"));
  EXPECT_EQ(value_of(key), "newer");
  EXPECT_THAT(events(), testing::AllOf(Contains("rewound"), Contains("lost_writes")));
}

TEST_F(Failover, WritesOfAllNeedMembersInSyncAndWritesOfOneGoOnAlone) {
  const std::string key = sandbox_.key_on("n1");
  ASSERT_EQ(run({"cluster", "kill", "n2", "n3"}), 0);
  EXPECT_EQ(run({"put", key, "alone"}), 0);
  // Until the sets have shrunk, a write of `all` is applied and waits: then its outcome is unknown.
  ASSERT_TRUE(eventually(10s, [&] {
    return std::ranges::all_of(sandbox_.partitions(), [](const Json& entry) { return entry["in_sync"].size() == 1; });
  }));
  const auto refused = sandbox_.gyre({"--ack", "all", "put", key, "all"});
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.err, HasSubstr("no_replicas"));
  EXPECT_EQ(value_of(key, "primary"), "alone");
  ASSERT_EQ(run({"cluster", "start", "n2", "n3"}), 0);
  ASSERT_TRUE(whole());
  EXPECT_EQ(run({"--ack", "all", "put", key, "all"}), 0);
}

TEST_F(Failover, ARollingRestartUnderLoadFailsNoRequest) {
  auto bench = std::async(std::launch::async, [this] {
    return sandbox_.gyre(
        {"bench", "--duration", "20s", "--warmup", "0s", "--keys", "1000", "--mix", "50", "--rate", "500", "--json"});
  });
  const auto restarted = sandbox_.gyre({"cluster", "restart", "n1", "n2", "n3"});
  EXPECT_EQ(restarted.status, 0) << restarted.err;
  const auto load = bench.get();
  EXPECT_EQ(load.status, 0) << load.err;
  EXPECT_EQ(load.json()["errors"], 0) << load.out;
  EXPECT_EQ(sandbox_.gyre({"lost", "list", "--json"}).json()["lost"], 0);
}

TEST_F(Failover, ReadsAndWritesGoOnWithoutTheCoordinator) {
  ASSERT_EQ(run({"cluster", "kill", "c1"}), 0);
  const std::string key = sandbox_.key_on("n1");
  const auto end = std::chrono::steady_clock::now() + 5s;  // longer than two leases
  for (int i = 0; std::chrono::steady_clock::now() < end; ++i) {
    ASSERT_EQ(run({"--ack", "all", "put", key, std::to_string(i)}), 0);
    ASSERT_EQ(value_of(key), std::to_string(i));
  }
  ASSERT_EQ(run({"cluster", "start", "c1"}), 0);
  EXPECT_TRUE(whole());
}

// Not as long as for a process that never gets ready.
TEST_F(Failover, ANodeIsStartedInShortTimeWhileOthersAreAway) {
  ASSERT_EQ(run({"cluster", "kill", "n2", "n3"}), 0);
  const auto begin = std::chrono::steady_clock::now();
  const auto started = sandbox_.gyre({"cluster", "start", "n2"});
  EXPECT_EQ(started.status, 0) << started.err;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
  EXPECT_NE(sandbox_.process("n2")["state"], "down") << "it is left running";
  ASSERT_EQ(run({"cluster", "start", "n3"}), 0);
  EXPECT_TRUE(whole());
}

TEST_F(Failover, StoppingIsFastWhoeverElseIsThere) {
  const auto stop = [this](const Words& ids) {
    Words words{"cluster", "stop"};
    words.insert(words.end(), ids.begin(), ids.end());
    const auto begin = std::chrono::steady_clock::now();
    const auto stopped = sandbox_.gyre(words);
    EXPECT_EQ(stopped.status, 0) << stopped.err;
    return std::chrono::steady_clock::now() - begin;
  };
  EXPECT_LT(stop({"n1"}), 3s) << "hands over";
  EXPECT_LT(stop({"n2", "n3"}), 5s) << "all that are left, at once";
  ASSERT_EQ(run({"cluster", "start", "n1", "n2", "n3"}), 0);
  ASSERT_TRUE(whole());
  ASSERT_EQ(run({"cluster", "kill", "c1"}), 0);
  EXPECT_LT(stop({"n1"}), 3s) << "nobody can arrange anything";
}

TEST_F(Failover, ASessionIsCarriedFromCommandToCommand) {
  const std::string file = (sandbox_.dir() / "session").string();
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(run({"--session", file, "put", "counted", std::to_string(i)}), 0);
    EXPECT_EQ(sandbox_.gyre({"--session", file, "--read", "session", "get", "counted"}).out, std::to_string(i));
  }
  sandbox_.write_file("session", "nonsense");
  const auto refused = sandbox_.gyre({"--session", file, "--read", "session", "get", "counted"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr(file));
}

}  // namespace
}  // namespace gyre::integration
