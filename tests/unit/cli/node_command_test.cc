// The command lines of `node`, `rebalance`, `chaos` and `cluster ...`, as far as they need no cluster.
#include <gmock/gmock.h>

#include "tests/unit/cli/command_line.h"
#include "tests/unit/cli/text_file.h"
#include "tools/gyre/local_cluster.h"

namespace gyre::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class OperatorCommands : public CommandLine {
 protected:
  // On a layout of two nodes of which nothing runs.
  Printed gyre_there(std::vector<std::string> words) {
    LayoutOptions options;
    options.nodes = 2;
    options.base_port = 61'000;  // where no cluster of a person's is
    options.allow_fault_injection = allow_;
    EXPECT_TRUE(save_local_cluster(*lay_out_local_cluster(dir_.file("cluster"), options)));
    words.insert(words.begin(), {"--dir", dir_.file("cluster")});
    return gyre(std::move(words));
  }

  const ScratchDir dir_;
  bool allow_ = true;
};

TEST_F(OperatorCommands, EveryOneExplainsItself) {
  const std::vector<std::vector<std::string>> commands = {
      {"node", "set"},         {"node", "drain"},       {"node", "resume"},         {"rebalance", "plan"},
      {"rebalance", "apply"},  {"rebalance", "pause"},  {"rebalance", "resume"},    {"rebalance", "limit"},
      {"rebalance", "status"}, {"chaos", "partition"},  {"chaos", "slow"},          {"chaos", "drop"},
      {"chaos", "heal"},       {"chaos", "status"},     {"chaos", "run"},           {"cluster", "watch"},
      {"cluster", "set"},      {"cluster", "add-node"}, {"cluster", "remove-node"}, {"router", "status"},
      {"router", "set"}};
  for (auto words : commands) {
    words.push_back("--help");
    const auto help = gyre(words);
    EXPECT_EQ(help.exit_code, kExitOk) << words[0] << ' ' << words[1];
    EXPECT_GT(help.out.size(), 200u) << words[0] << ' ' << words[1];
  }
}

TEST_F(OperatorCommands, NodeSetSaysWhatCanBeSet) {
  const auto refused = gyre({"node", "set", "n1"});
  EXPECT_EQ(refused.exit_code, kExitUsage);
  EXPECT_THAT(refused.err, HasSubstr("--weight W, --zone Z"));
  EXPECT_EQ(gyre({"node", "set", "n1", "--weight", "0"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"node", "set", "n1", "--weight", "heavy"}).exit_code, kExitUsage);
}

TEST_F(OperatorCommands, RouterSetSaysWhatCanBeSet) {
  EXPECT_THAT(gyre({"router", "set", "n1"}).err, HasSubstr("--weight W, --drain or --undrain"));
  EXPECT_EQ(gyre({"router", "set", "n1", "--drain", "--weight", "2"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"router", "set", "n1", "--weight", "-1"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"router", "set", "n/1", "--drain"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre_there({"router", "set", "n1", "--drain"}).exit_code, kExitUnavailable) << "nothing answers";
  const auto nobody = gyre({"router", "status", "--router", "127.0.0.1:1"});
  EXPECT_EQ(nobody.exit_code, kExitUnavailable);
  EXPECT_THAT(nobody.err, HasSubstr("no answer from the admin server at 127.0.0.1:1"));
}

TEST_F(OperatorCommands, LimitsAreChecked) {
  EXPECT_THAT(gyre({"rebalance", "limit", "--rate", "fast"}).err, AllOf(HasSubstr("--rate"), HasSubstr("none")));
  EXPECT_EQ(gyre({"rebalance", "limit", "--moves-per-node", "0"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"rebalance", "limit", "--p99-factor", "-1"}).exit_code, kExitUsage);
}

TEST_F(OperatorCommands, PlansAreNamedByTheirId) {
  EXPECT_EQ(gyre_there({"rebalance", "apply", "nonsense"}).exit_code, kExitUnavailable) << "nothing answers";
}

TEST_F(OperatorCommands, SettingsAreChecked) {
  EXPECT_EQ(gyre({"cluster", "set", "--rf", "99"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"cluster", "set", "--auto", "maybe"}).exit_code, kExitUsage);
  EXPECT_THAT(gyre({"cluster", "set", "--replace-after", "soon"}).err,
              AllOf(HasSubstr("--replace-after"), HasSubstr("never")));
}

TEST_F(OperatorCommands, WithoutAnAnswerTheySayHowToStartTheCluster) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"rebalance", "plan"},
                                                {"rebalance", "status", "-f"},
                                                {"node", "drain", "n1"},
                                                {"cluster", "set"},
                                                {"cluster", "remove-node", "n1"},
                                                {"cluster", "watch", "--once"},
                                                {"hot"}}) {
    const auto refused = gyre_there(words);
    EXPECT_EQ(refused.exit_code, kExitUnavailable) << words[0];
    EXPECT_THAT(refused.err, HasSubstr("gyre cluster up")) << words[0];
  }
}

TEST_F(OperatorCommands, WatchRefusesSizesThatAreNone) {
  for (const auto* size : {"80", "80x", "x24", "80x24x", "0x24", "80x-1", "99999x24"}) {
    const auto refused = gyre_there({"cluster", "watch", "--size", size});
    EXPECT_EQ(refused.exit_code, kExitUsage) << size;
    EXPECT_THAT(refused.err, HasSubstr("80x24")) << size;
  }
  EXPECT_EQ(gyre_there({"cluster", "watch", "--interval", "1ms"}).exit_code, kExitUsage);
}

TEST_F(OperatorCommands, ChaosRunShowsItsScheduleWithoutBreakingAnything) {
  const std::vector<std::string> words = {
      "chaos", "run", "--faults", "kill,pause,partition", "--every", "10s", "--for", "30s", "--seed", "7", "--dry-run"};
  const auto first = gyre_there(words);
  EXPECT_EQ(first.exit_code, kExitOk) << first.err;
  EXPECT_THAT(first.out, AllOf(HasSubstr("Seed 7: 3 faults in 30 s"), HasSubstr("+20.0 s")));
  EXPECT_EQ(gyre_there(words).out, first.out);
}

TEST_F(OperatorCommands, ChaosNeedsAClusterThatAllowsIt) {
  allow_ = false;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"chaos", "partition", "n1", "n2"},
                                                {"chaos", "slow", "n1", "--delay", "50ms"},
                                                {"chaos", "drop", "n1", "n2", "--rate", "0.1"},
                                                {"chaos", "run", "--faults", "slow"}}) {
    const auto refused = gyre_there(words);
    EXPECT_EQ(refused.exit_code, kExitNegative) << words[1];
    EXPECT_THAT(refused.err, HasSubstr("--allow-fault-injection")) << words[1];
  }
}

TEST_F(OperatorCommands, ChaosChecksWhomItIsToBreak) {
  EXPECT_THAT(gyre_there({"chaos", "partition", "n1", "n22"}).err, HasSubstr("did you mean 'n2'?"));
  EXPECT_THAT(gyre_there({"chaos", "partition", "n1", "n2,n1"}).err, HasSubstr("on both sides"));
  EXPECT_EQ(gyre_there({"chaos", "drop", "n1", "n2", "--rate", "2"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre_there({"chaos", "slow", "n1", "--delay", "0"}).exit_code, kExitUsage);
  EXPECT_THAT(gyre_there({"chaos", "partition", "n1", "n2"}).err, HasSubstr("not running"));
}

TEST_F(OperatorCommands, ChaosStatusListsProcessesThatAreDown) {
  const auto status = gyre_there({"chaos", "status", "--json"});
  EXPECT_EQ(status.exit_code, kExitOk);
  ASSERT_EQ(status.json().size(), 4u);
  EXPECT_EQ(status.json()[0]["id"], "c1");
  EXPECT_EQ(status.json()[0]["state"], "down");
  EXPECT_EQ(status.json()[0]["rules"].size(), 0u);
}

}  // namespace
}  // namespace gyre::cli
