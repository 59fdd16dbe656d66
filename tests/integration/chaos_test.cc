// `gyre chaos` on real processes: what it breaks is broken, is visible, and is healed.
#include <sstream>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/sandbox.h"

namespace gyre::integration {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ContainsRegex;
using testing::HasSubstr;

class Chaos : public ::testing::Test {
 protected:
  // With a router, which obeys nothing and must not be in the way.
  void start(Words flags) {
    flags.insert(flags.end(), {"--routers", "1"});
    const auto up = sandbox_.up(flags);
    ASSERT_EQ(up.status, 0) << up.err;
    ASSERT_TRUE(whole());
  }
  Output run(const Words& words) const { return sandbox_.gyre(words); }
  void must(const Words& words) const {
    const auto done = run(words);
    ASSERT_EQ(done.status, 0) << words[0] << ' ' << words[1] << ": " << done.out << done.err;
  }
  bool whole() const {
    return eventually(40s, [this] {
      const Json cluster = sandbox_.status()["cluster"];
      return cluster.value("under_replicated", -1) == 0 && cluster.value("without_primary", -1) == 0 &&
             cluster.value("not_serving", -1) == 0;
    });
  }
  // By the newest map that any process has: a node that is cut off does not know it.
  Json newest_primary_of(const std::string& key) const {
    const std::size_t partition = run({"where", key, "--json"}).json()["partition"];
    return sandbox_.partitions()[partition]["primary"];
  }
  // Rules of injected faults at a process, by `chaos status`.
  std::size_t rules_at(const std::string& id) const {
    const Json all = run({"chaos", "status", "--json"}).json();
    for (const auto& process : all) {
      if (process["id"] == id) return process["rules"].size();
    }
    return 0;
  }
  std::vector<Json> json_lines(const std::string& text) const {
    std::vector<Json> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
    return lines;
  }

  Sandbox sandbox_;
};

TEST_F(Chaos, ACutOffPrimaryIsReplacedAndComesBackWhenHealed) {
  start({"--nodes", "3", "--rf", "3", "--allow-fault-injection"});
  const std::string key = sandbox_.key_on("n1");
  must({"--ack", "all", "put", key, "before"});
  must({"chaos", "partition", "n1", "n2,n3,c1"});
  EXPECT_EQ(rules_at("n1"), 3u);
  EXPECT_EQ(rules_at("c1"), 1u);
  EXPECT_EQ(sandbox_.process("n1")["faults"], 3) << "visible in status while on";
  EXPECT_THAT(run({"cluster", "status"}).out, HasSubstr("Injected network faults are on"));
  EXPECT_THAT(run({"cluster", "watch", "--once"}).out, ContainsRegex("faults on: n1|[0-9] network faults"));

  ASSERT_TRUE(eventually(20s, [&] {
    const Json primary = newest_primary_of(key);
    return primary.is_string() && primary != "n1";
  }));
  EXPECT_TRUE(
      eventually(20s, [&] { return run({"--ack", "2", "--deadline", "5s", "put", key, "after"}).status == 0; }));
  const auto healed = run({"chaos", "heal"});
  EXPECT_EQ(healed.status, 0) << healed.err;
  EXPECT_THAT(healed.out, HasSubstr("n1: 3 network faults ended"));
  EXPECT_EQ(rules_at("n1"), 0u);
  ASSERT_TRUE(whole());
  EXPECT_EQ(run({"--read", "linearizable", "get", key}).out, "after");
  EXPECT_EQ(run({"cluster", "verify"}).status, 0);
  EXPECT_THAT(run({"chaos", "heal"}).out, HasSubstr("Nothing was broken"));
}

TEST_F(Chaos, AOneWayCutLosesOneDirection) {
  start({"--nodes", "3", "--rf", "3", "--allow-fault-injection"});
  must({"chaos", "partition", "n1", "n2", "--one-way"});
  const Json status = run({"chaos", "status", "--json"}).json();
  for (const auto& process : status) {
    if (process["id"] != "n1" && process["id"] != "n2") continue;
    EXPECT_EQ(process["rules"][0]["direction"], process["id"] == "n1" ? "out" : "in") << process;
  }
  // Without n2 in sync, or with another primary: either way writes of all go on.
  const std::string key = sandbox_.key_on("n1");
  EXPECT_TRUE(eventually(20s, [&] { return run({"--ack", "all", "--deadline", "5s", "put", key, "v"}).status == 0; }));
  must({"chaos", "heal"});
  ASSERT_TRUE(whole());
  EXPECT_EQ(run({"cluster", "verify"}).status, 0);
}

TEST_F(Chaos, ASlowNodeAndALossyLinkOnlyCostTime) {
  start({"--nodes", "3", "--rf", "3", "--allow-fault-injection"});
  const std::string key = sandbox_.key_on("n1");
  must({"chaos", "slow", "n2", "--delay", "100ms", "--jitter", "20ms"});
  must({"chaos", "drop", "n1", "n3", "--rate", "0.1"});
  const auto begin = std::chrono::steady_clock::now();
  must({"--ack", "all", "--deadline", "10s", "put", key, "v"});
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 100ms) << "all waits for n2";
  must({"chaos", "heal", "--network"});
  ASSERT_TRUE(whole());
  EXPECT_EQ(run({"get", key}).out, "v");
}

TEST_F(Chaos, NetworkFaultsAreRefusedUnlessAllowedAtTheStart) {
  start({"--nodes", "2", "--rf", "1"});
  const auto refused = run({"chaos", "partition", "n1", "n2"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("--allow-fault-injection"));
  EXPECT_EQ(run({"cluster", "up", "--allow-fault-injection"}).status, 2) << "it runs without";
  must({"cluster", "down"});
  must({"cluster", "up", "--allow-fault-injection"});
  must({"chaos", "partition", "n1", "n2"});
  must({"chaos", "heal"});
}

TEST_F(Chaos, HealResumesWhatIsPausedAndStartsWhatIsDown) {
  start({"--nodes", "3", "--rf", "2"});
  must({"chaos", "pause", "n1"});
  must({"chaos", "kill", "n2"});
  const auto healed = run({"chaos", "heal", "--json"});
  EXPECT_EQ(healed.status, 0) << healed.err;
  EXPECT_EQ(healed.json().size(), 2u);
  ASSERT_TRUE(whole());
}

TEST_F(Chaos, ASeededRunLeavesTheClusterHealed) {
  start({"--nodes", "3", "--rf", "3", "--allow-fault-injection"});
  const std::string key = sandbox_.key_on("n2");
  must({"--ack", "all", "put", key, "v"});
  const Words words = {"chaos",  "run", "--faults", "kill,pause,partition,slow", "--every", "4s", "--for", "20s",
                       "--seed", "11",  "--json"};
  Words dry = words;
  dry.push_back("--dry-run");
  const auto planned = json_lines(run(dry).out);
  const auto done = run(words);
  EXPECT_EQ(done.status, 0) << done.out << done.err;
  std::vector<Json> begun;
  std::vector<std::string> phases;
  for (const Json& line : json_lines(done.out)) {
    phases.push_back(line["phase"]);
    if (line["phase"] == "begin") begun.push_back(line);
  }
  ASSERT_EQ(begun.size(), planned.size());
  for (std::size_t i = 0; i < begun.size(); ++i) {
    EXPECT_EQ(begun[i]["fault"], planned[i]["fault"]);
    EXPECT_EQ(begun[i]["process"], planned[i]["process"]);
  }
  EXPECT_THAT(phases, AllOf(Contains("end"), Contains("whole")));
  for (const std::string id : {"c1", "n1", "n2", "n3"}) {
    EXPECT_EQ(rules_at(id), 0u) << id;
    EXPECT_EQ(sandbox_.process(id)["state"], "up") << id;
  }
  EXPECT_EQ(run({"--read", "linearizable", "get", key}).out, "v");
  EXPECT_EQ(run({"cluster", "verify"}).status, 0);
}

}  // namespace
}  // namespace gyre::integration
