// Nodes that come, go, die for good and come back on real processes, under load: no request fails, nothing is lost, and
// data moves as planned.
#include <algorithm>
#include <filesystem>
#include <future>
#include <map>
#include <set>
#include <sstream>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/sandbox.h"

namespace gyre::integration {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int kRecords = 3000;

class Rebalance : public ::testing::Test {
 protected:
  void start(const Words& flags) {
    const auto up = sandbox_.up(flags);
    ASSERT_EQ(up.status, 0) << up.err;
    ASSERT_TRUE(whole()) << "after `cluster up` every member must be in sync";
  }

  Output run(const Words& words) const { return sandbox_.gyre(words); }
  void must(const Words& words) const {
    const auto done = run(words);
    ASSERT_EQ(done.status, 0) << words[0] << ' ' << words[1] << ": " << done.out << done.err;
  }

  // Records that no load of another kind touches, and what they are.
  void load_records() {
    std::string jsonl;
    for (int i = 0; i < kRecords; ++i) {
      const std::string key = fmt::format("kept:{}", i);
      records_[key] = fmt::format("value {} {}", i, std::string(200, static_cast<char>('a' + i % 26)));
      jsonl += Json{{"key", key}, {"value", records_[key]}}.dump() + "\n";
    }
    must({"load", sandbox_.write_file("records.jsonl", jsonl)});
  }
  std::map<std::string, std::string> dumped() const {
    std::map<std::string, std::string> found;
    std::istringstream lines(run({"dump", "--prefix", "kept:", "-"}).out);
    for (std::string line; std::getline(lines, line);) {
      const Json record = Json::parse(line);
      found[record["key"]] = record["value"];
    }
    return found;
  }
  void expect_content() const {
    EXPECT_EQ(dumped(), records_);
    const auto verified = run({"cluster", "verify"});
    EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
    EXPECT_EQ(run({"lost", "list", "--json"}).json()["lost"], 0);
  }

  // Reads and writes of other keys, meanwhile.
  std::future<Output> begin_load(const std::string& duration) const {
    auto load = std::async(std::launch::async, [this, duration] {
      return run({"bench", "--duration", duration, "--warmup", "0s", "--keys", "2000", "--mix", "50", "--rate", "300",
                  "--deadline", "5s", "--json"});
    });
    // Its files are there: it is being started, and no other command takes their names.
    EXPECT_TRUE(eventually(5s, [&] { return has_running_command(); }));
    return load;
  }
  static void expect_no_errors(std::future<Output>& load) {
    const Output done = load.get();
    EXPECT_EQ(done.status, 0) << done.err;
    EXPECT_EQ(done.json()["errors"], 0) << done.out;
    EXPECT_GT(done.json()["operations"], 0);
  }

  Json moves() const { return run({"rebalance", "status", "--json"}).json(); }
  bool nothing_moves() const {
    const Json now = moves();
    return now.contains("moves") && now["moves"].empty();
  }
  // Nothing moves but what waits for the node to give up its place.
  bool only_leaves(const std::string& id) const {
    const Json now = moves();
    if (!now.contains("moves")) return false;
    return std::all_of(now["moves"].begin(), now["moves"].end(),
                       [&](const Json& move) { return move["from"] == id && move["stage"] == "leaving"; });
  }
  bool has_all_copies() const {
    const Json cluster = sandbox_.status()["cluster"];
    return cluster.value("under_replicated", -1) == 0 && cluster.value("without_primary", -1) == 0 &&
           cluster.value("not_serving", -1) == 0;
  }
  bool whole() const {
    return eventually(30s, [this] { return has_all_copies() && nothing_moves(); });
  }
  // Copies of each node, primaries included.
  std::map<std::string, int> copies() const {
    std::map<std::string, int> found;
    const Json status = sandbox_.status();
    for (const auto& process : status["processes"]) {
      if (process["role"] != "node") continue;
      found[process["id"]] = process["primaries"].get<int>() + process["replicas"].get<int>();
    }
    return found;
  }
  std::set<std::string> event_kinds() const {
    std::set<std::string> kinds;
    std::istringstream lines(run({"events", "--json", "-n", "2000"}).out);
    for (std::string line; std::getline(lines, line);) kinds.insert(Json::parse(line)["kind"]);
    return kinds;
  }

  Sandbox sandbox_;
  std::map<std::string, std::string> records_;

 private:
  bool has_running_command() const {
    for (const auto& entry : std::filesystem::directory_iterator(sandbox_.dir())) {
      if (entry.path().extension() == ".in") return true;
    }
    return false;
  }
};

TEST_F(Rebalance, AFourthNodeTakesItsShareUnderLoadWithoutAnError) {
  start({"--nodes", "3", "--rf", "3", "--partitions", "64"});
  load_records();
  auto load = begin_load("20s");
  const auto added = run({"cluster", "add-node", "--wait"});
  EXPECT_EQ(added.status, 0) << added.out << added.err;
  EXPECT_THAT(added.out, AllOf(HasSubstr("n4 has joined"), HasSubstr("All has moved.")));
  expect_no_errors(load);
  ASSERT_TRUE(whole());

  const auto held = copies();
  ASSERT_EQ(held.size(), 4u);
  for (const auto& [id, count] : held) {
    EXPECT_GE(count, 45) << id << ": 48 is a fair share of 64 x 3 copies";
    EXPECT_LE(count, 51) << id;
  }
  EXPECT_GT(sandbox_.process("n4")["primaries"], 0);
  EXPECT_THAT(event_kinds(),
              testing::IsSupersetOf({"node_admitted", "rebalance_planned", "rebalance_done", "retired"}));
  expect_content();
  EXPECT_TRUE(run({"rebalance", "plan", "--json"}).json()["id"].is_null()) << "nothing more is to be done";
}

TEST_F(Rebalance, SeveralNodesJoinAtOnceAndLeaveAgain) {
  start({"--nodes", "3", "--rf", "2"});
  load_records();
  auto load = begin_load("40s");
  must({"cluster", "add-node", "--count", "2", "--wait"});
  EXPECT_EQ(copies().size(), 5u);
  for (const std::string id : {"n5", "n4"}) {
    const auto removed = run({"cluster", "remove-node", id, "--wipe"});
    EXPECT_EQ(removed.status, 0) << removed.out << removed.err;
    EXPECT_THAT(removed.out, HasSubstr(id + " has left the cluster and is stopped"));
    EXPECT_FALSE(std::filesystem::exists(sandbox_.cluster_dir() / id));
  }
  expect_no_errors(load);
  ASSERT_TRUE(whole());
  EXPECT_EQ(copies().size(), 3u);
  expect_content();
}

TEST_F(Rebalance, ARemovedNodeKeepsItsDirectoryUnlessWipedAndItsNameIsNotTakenAgain) {
  start({"--nodes", "3", "--rf", "2"});
  must({"cluster", "remove-node", "n2"});
  EXPECT_TRUE(std::filesystem::exists(sandbox_.cluster_dir() / "n2"));
  EXPECT_EQ(run({"cluster", "start", "n2"}).status, 2) << "it is no process of the cluster any more";
  must({"cluster", "add-node"});
  EXPECT_EQ(sandbox_.process("n2"), nullptr);
  EXPECT_EQ(sandbox_.process("n4")["role"], "node");
  must({"cluster", "down", "--wipe"});
  EXPECT_FALSE(std::filesystem::exists(sandbox_.cluster_dir()));
}

TEST_F(Rebalance, RemovalsThatWouldLeaveTooFewNodesAreRefused) {
  start({"--nodes", "2", "--rf", "2"});
  const auto refused = run({"cluster", "remove-node", "n2"});
  EXPECT_EQ(refused.status, 1) << refused.out;
  EXPECT_THAT(refused.err, HasSubstr("--rf"));
  EXPECT_EQ(run({"cluster", "remove-node", "n2", "--force"}).status, 1) << "it runs";
  EXPECT_THAT(run({"cluster", "remove-node", "n22"}).err, HasSubstr("did you mean 'n2'?"));
  EXPECT_EQ(run({"cluster", "remove-node", "c1"}).status, 2);
}

TEST_F(Rebalance, WithoutAutoOnlyAppliedPlansMoveAnything) {
  start({"--nodes", "3", "--rf", "2"});
  load_records();
  must({"cluster", "set", "--auto", "off"});
  const auto added = run({"cluster", "add-node"});
  ASSERT_EQ(added.status, 0) << added.err;
  EXPECT_THAT(added.out, HasSubstr("gyre rebalance plan"));
  EXPECT_EQ(copies()["n4"], 0);

  const auto text = run({"rebalance", "plan"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("max/mean"), HasSubstr("Movement: "), HasSubstr("Distinct replica sets"),
                              HasSubstr("Losing any one node"), Not(HasSubstr("any one zone"))));
  const Json plan = run({"rebalance", "plan", "--json"}).json();
  const std::string id = plan["id"];
  EXPECT_EQ(run({"rebalance", "plan", "--json"}).json()["id"], id) << "the same cluster, the same plan";
  EXPECT_LE(plan["copies"].get<int>(), plan["copies_minimum"].get<int>() * 11 / 10);
  EXPECT_LE(plan["after"]["max_over_mean"]["copies"], 1.1);
  EXPECT_TRUE(nothing_moves());

  must({"rebalance", "apply", id, "--wait"});
  ASSERT_TRUE(whole());
  const auto held = copies();
  for (const auto& node : plan["nodes"]) {
    EXPECT_EQ(held.at(node["node"]), node["after"]["copies"]) << "what was executed is what was planned";
  }
  expect_content();
}

TEST_F(Rebalance, APlanOfAnotherClusterThanThisIsRefused) {
  start({"--nodes", "3", "--rf", "2"});
  must({"cluster", "set", "--auto", "off"});
  must({"cluster", "add-node"});
  const std::string id = run({"rebalance", "plan", "--json"}).json()["id"];
  must({"node", "set", "n4", "--weight", "0.5"});
  const auto refused = run({"rebalance", "apply", id});
  EXPECT_EQ(refused.status, 1) << refused.out;
  EXPECT_THAT(refused.err, HasSubstr("changed"));
  EXPECT_TRUE(nothing_moves());
  EXPECT_EQ(run({"rebalance", "apply", "nonsense"}).status, 2);
}

TEST_F(Rebalance, PausedMovesBeginOnlyWhenResumed) {
  start({"--nodes", "3", "--rf", "2"});
  load_records();
  must({"rebalance", "pause"});
  must({"cluster", "add-node"});
  EXPECT_TRUE(moves()["policy"]["paused"]);
  EXPECT_FALSE(nothing_moves());
  EXPECT_EQ(copies()["n4"], 0);
  EXPECT_THAT(run({"rebalance", "status"}).out, HasSubstr("Paused"));
  must({"rebalance", "resume"});
  const auto followed = run({"rebalance", "status", "-f"});
  EXPECT_EQ(followed.status, 0) << followed.err;
  ASSERT_TRUE(whole());
  EXPECT_GT(copies()["n4"], 0);
}

TEST_F(Rebalance, LimitsAreKeptAndShown) {
  start({"--nodes", "3", "--rf", "2"});
  must({"rebalance", "limit", "--moves-per-node", "1", "--rate", "1MiB", "--p99-factor", "3"});
  const Json limits = run({"rebalance", "limit", "--json"}).json();
  EXPECT_EQ(limits["moves_per_node"], 1);
  EXPECT_EQ(limits["bytes_per_second"], 1 << 20);
  EXPECT_EQ(limits["p99_factor"], 3);
  must({"cluster", "restart", "c1"});
  EXPECT_EQ(run({"rebalance", "limit", "--json"}).json(), limits) << "the cluster store has them";
  must({"rebalance", "limit", "--rate", "none"});
  EXPECT_EQ(run({"rebalance", "limit", "--json"}).json()["bytes_per_second"], 0);
}

TEST_F(Rebalance, WeightsAndCopiesChangeWhileTheClusterServes) {
  start({"--nodes", "3", "--rf", "2"});
  load_records();
  must({"node", "set", "n1", "--weight", "2", "--wait"});
  EXPECT_EQ(sandbox_.process("n1")["weight"], 2);
  auto held = copies();
  EXPECT_GT(held["n1"], held["n2"]);
  must({"cluster", "set", "--rf", "3", "--wait"});
  ASSERT_TRUE(whole());
  for (const auto& [id, count] : copies()) EXPECT_EQ(count, 32) << id;
  must({"cluster", "set", "--rf", "1", "--min-in-sync", "1", "--wait"});
  ASSERT_TRUE(whole());
  int sum = 0;
  for (const auto& [id, count] : copies()) sum += count;
  EXPECT_EQ(sum, 32);
  expect_content();
}

TEST_F(Rebalance, ADrainedNodeGivesAllAwayAndComesBackWhenResumed) {
  start({"--nodes", "4", "--rf", "2"});
  load_records();
  must({"node", "drain", "n3", "--wait"});
  EXPECT_EQ(copies()["n3"], 0);
  EXPECT_EQ(sandbox_.process("n3")["membership"], "draining");
  expect_content();
  must({"node", "resume", "n3", "--wait"});
  EXPECT_GT(copies()["n3"], 0);
  EXPECT_EQ(sandbox_.process("n3")["membership"], "active");
  expect_content();
}

TEST_F(Rebalance, ANodeThatStaysAwayIsReplacedAndTakenBack) {
  start({"--nodes", "4", "--rf", "2"});
  load_records();
  must({"cluster", "set", "--replace-after", "3s"});
  must({"cluster", "kill", "n4"});
  ASSERT_TRUE(eventually(30s, [&] { return sandbox_.process("n4")["membership"] == "away"; }));
  // What it was primary of it has to account for before it is no member any more.
  ASSERT_TRUE(eventually(30s, [&] { return has_all_copies() && only_leaves("n4"); }))
      << "full copies on those that are left";
  EXPECT_EQ(copies()["n4"], 0);
  must({"cluster", "start", "n4"});
  ASSERT_TRUE(eventually(30s, [&] { return sandbox_.process("n4")["membership"] == "active"; }));
  ASSERT_TRUE(whole());
  EXPECT_GT(copies()["n4"], 0);
  EXPECT_THAT(event_kinds(), testing::IsSupersetOf({"node_away", "node_returned"}));
  expect_content();
}

TEST_F(Rebalance, ANodeThatIsGoneForGoodIsForgotten) {
  start({"--nodes", "4", "--rf", "2"});
  load_records();
  must({"cluster", "kill", "n4"});
  const auto removed = run({"cluster", "remove-node", "n4", "--force", "--wipe"});
  EXPECT_EQ(removed.status, 0) << removed.out << removed.err;
  ASSERT_TRUE(whole());
  EXPECT_EQ(copies().size(), 3u);
  EXPECT_EQ(dumped(), records_);
}

TEST_F(Rebalance, MovesGoOnAfterEveryProcessConcernedWasKilled) {
  start({"--nodes", "3", "--rf", "3", "--partitions", "64"});
  load_records();
  must({"rebalance", "limit", "--rate", "1MiB", "--moves-per-node", "1"});
  must({"cluster", "add-node"});
  for (const std::string id : {"c1", "n1", "n4"}) {
    must({"cluster", "kill", id});
    must({"cluster", "start", id});
  }
  must({"rebalance", "limit", "--rate", "none", "--moves-per-node", "8"});
  must({"rebalance", "status", "-f"});
  ASSERT_TRUE(whole());
  EXPECT_GT(copies()["n4"], 0);
  EXPECT_EQ(dumped(), records_);
  EXPECT_EQ(run({"cluster", "verify"}).status, 0);
}

TEST_F(Rebalance, WatchDrawsOneFrameOfAnySize) {
  start({"--nodes", "3", "--rf", "2"});
  for (const std::string size : {"80x24", "200x60"}) {
    const auto frame = run({"cluster", "watch", "--once", "--size", size});
    ASSERT_EQ(frame.status, 0) << frame.err;
    EXPECT_THAT(frame.out, AllOf(HasSubstr("3 of 3 nodes up"), HasSubstr("n2"), HasSubstr("events"),
                                 HasSubstr("every partition is served"), Not(HasSubstr("\033"))));
    EXPECT_EQ(std::ranges::count(frame.out, '\n'), size == "80x24" ? 24 : 60);
  }
  const Json json = run({"cluster", "watch", "--once", "--json"}).json();
  EXPECT_EQ(json["nodes"].size(), 3u);
  EXPECT_EQ(json["primaries"].size(), 32u);
}

TEST_F(Rebalance, HotKeysAreFoundUnderLoad) {
  start({"--nodes", "3", "--rf", "2"});
  auto load = begin_load("10s");
  EXPECT_TRUE(eventually(10s, [&] {
    const Json hot = run({"hot", "--json"}).json();
    return hot.contains("keys") && !hot["keys"].empty() && !hot["partitions"].empty();
  }));
  expect_no_errors(load);
}

}  // namespace
}  // namespace gyre::integration
