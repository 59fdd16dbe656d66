#include "tests/unit/cli/command_line.h"

namespace gyre::cli {
namespace {

class App : public CommandLine {};

TEST_F(App, HelpTeachesCommandsExamplesAndExitCodes) {
  const auto help = gyre({"--help"}).out;
  for (const auto* text : {"Keys and values", "Bulk", "Tools", "Examples:", "Exit codes:", "--seeds", "GYRE_SEEDS"}) {
    EXPECT_NE(help.find(text), std::string::npos) << text;
  }
}

TEST_F(App, EveryCommandExplainsItself) {
  CLI::App app;
  Context context;
  build_app(app, context);
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    EXPECT_FALSE(command->get_description().empty()) << command->get_name();
    EXPECT_EQ(gyre({command->get_name(), "--help"}).exit_code, kExitOk) << command->get_name();
  }
}

TEST_F(App, UnknownCommandsNameTheNearest) {
  const auto typo = gyre({"gett", "k"});
  EXPECT_EQ(typo.exit_code, kExitUsage);
  EXPECT_EQ(typo.err, "usage: unknown command 'gett'; did you mean 'get'?\n`gyre --help` explains.\n");
  EXPECT_EQ(gyre({"frobnicate"}).err.find("usage: unknown command 'frobnicate'\n"), 0u);
}

TEST_F(App, UnknownOptionsNameTheNearest) {
  const auto typo = gyre({"put", "k", "v", "--tll", "5s"});
  EXPECT_EQ(typo.exit_code, kExitUsage);
  EXPECT_EQ(typo.err, "usage: unknown option '--tll'; did you mean '--ttl'?\n`gyre put --help` explains.\n");
  EXPECT_NE(gyre({"get", "k", "--sedes=x"}).err.find("did you mean '--seeds'"), std::string::npos);
  EXPECT_NE(gyre({"put", "k", "v", "--if-abset"}).err.find("did you mean '--if-absent'"), std::string::npos);
}

TEST_F(App, MissingArgumentsAreNamed) {
  EXPECT_EQ(gyre({"get"}).err, "usage: KEY is required\n`gyre get --help` explains.\n");
  EXPECT_EQ(gyre({"--json"}).exit_code, kExitUsage);
}

TEST_F(App, OptionsThatContradictEachOtherAreRefused) {
  const auto refused = gyre({"lost", "replay", "--all", "--if-unchanged", "--overwrite"});
  EXPECT_EQ(refused.exit_code, kExitUsage);
  EXPECT_NE(refused.err.find("--overwrite"), std::string::npos) << refused.err;
}

TEST_F(App, UsageErrorsAreJsonWhenAskedFor) {
  const auto typo = gyre({"--json", "gett"});
  EXPECT_EQ(nlohmann::json::parse(typo.err)["error"]["code"], "invalid_argument");
}

TEST_F(App, NoClusterSaysHowToNameOne) {
  Context context;
  context.seeds = " , ";
  const auto result = run(context, {"get", "k"});
  EXPECT_EQ(result.exit_code, kExitUsage);
  EXPECT_NE(result.err.find("--seeds"), std::string::npos);
}

TEST_F(App, DeadlineIsRead) {
  Context context;
  context.client = client_;
  run(context, {"--deadline", "500ms", "scan"});
  EXPECT_EQ(context.deadline, std::chrono::milliseconds(500));
}

}  // namespace
}  // namespace gyre::cli
