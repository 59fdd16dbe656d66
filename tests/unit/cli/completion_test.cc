#include "tools/gyre/completion.h"

#include <cstdlib>

#include "tests/unit/cli/command_line.h"
#include "tests/unit/cli/text_file.h"

namespace gyre::cli {
namespace {

class Completion : public CommandLine {
 protected:
  // What bash offers at the end of `line`.
  std::string offered(const std::string& line) {
    const ScratchDir dir;
    dir.write("gyre.bash", gyre({"completion", "bash"}).out);
    const auto script = dir.write("ask.bash", "source " + dir.file("gyre.bash") + "\nread -ra COMP_WORDS <<< \"" +
                                                  line + "\"\n" + (line.ends_with(' ') ? "COMP_WORDS+=('')\n" : "") +
                                                  "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                                                  "_gyre\necho \"${COMPREPLY[*]}\"\n");
    EXPECT_EQ(std::system(("bash " + script + " > " + dir.file("out")).c_str()), 0);
    return dir.read("out");
  }
};

TEST_F(Completion, BashOffersCommands) {
  EXPECT_EQ(offered("gyre exp"), "expire\n");
  EXPECT_NE(offered("gyre ").find("bench"), std::string::npos);
}

TEST_F(Completion, BashOffersOptionsOfTheCommandAndGlobalOnes) {
  EXPECT_EQ(offered("gyre --deadline 2s put k v --if-"), "--if-absent --if-present --if-version\n");
  EXPECT_EQ(offered("gyre get k --see"), "--seeds\n");
  EXPECT_EQ(offered("gyre get k --ttl"), "\n");
}

TEST_F(Completion, BashOffersChoices) { EXPECT_EQ(offered("gyre bench --distribution z"), "zipf\n"); }

TEST_F(Completion, BashOffersCommandsBelowCommands) {
  EXPECT_EQ(offered("gyre lost "), "list show replay\n");
  EXPECT_EQ(offered("gyre cluster ver"), "verify\n");
  EXPECT_EQ(offered("gyre lost replay --if"), "--if-unchanged\n");
  EXPECT_EQ(offered("gyre promote n2 --un"), "--unclean\n");
}

TEST_F(Completion, BashOffersWhatOperatorsNeed) {
  EXPECT_EQ(offered("gyre rebalance "), "plan apply pause resume limit status\n");
  EXPECT_EQ(offered("gyre node "), "set drain resume\n");
  EXPECT_EQ(offered("gyre cluster rem"), "remove-node\n");
  EXPECT_EQ(offered("gyre cluster set --auto "), "on off\n");
  EXPECT_EQ(offered("gyre chaos partition n1 n2 --one"), "--one-way\n");
  EXPECT_EQ(offered("gyre chaos run --faults kill"), "kill kill_coordinator\n");
  EXPECT_EQ(offered("gyre rebalance limit --rate "), "none\n");
}

TEST_F(Completion, LevelsAreChoicesAndWhatPeopleFillInIsNot) {
  EXPECT_EQ(offered("gyre --ack "), "one all\n");
  EXPECT_EQ(offered("gyre --read b"), "bounded:\n");
  EXPECT_EQ(offered("gyre --read p"), "primary\n");
}

TEST_F(Completion, EveryShellKnowsEveryCommand) {
  CLI::App app;
  Context context;
  build_app(app, context);
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    const auto script = gyre({"completion", shell}).out;
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
      EXPECT_NE(script.find(command->get_name()), std::string::npos) << shell << ' ' << command->get_name();
    }
  }
}

TEST_F(Completion, UnknownShellsAreRefused) { EXPECT_EQ(gyre({"completion", "tcsh"}).exit_code, kExitUsage); }

}  // namespace
}  // namespace gyre::cli
