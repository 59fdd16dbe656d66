#include "tools/gyre/shell.h"

#include "tests/unit/cli/command_line.h"

namespace gyre::cli {
namespace {

class Shell : public testing::Test {
 protected:
  Shell() {
    context_.client = client_;
    context_.in_shell = true;
  }

  // What the line prints, on both streams.
  std::string line(std::string_view text) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    context_.exit_code = kExitOk;
    goes_on_ = run_shell_line(context_, text);
    const auto out = testing::internal::GetCapturedStdout();
    return out + testing::internal::GetCapturedStderr();
  }

  std::shared_ptr<MemoryClient> client_ = std::make_shared<MemoryClient>();
  Context context_;
  bool goes_on_ = true;
};

TEST_F(Shell, RunsKeyCommandsWithQuotes) {
  line(R"(put 'a key' "line\nbreak")");
  EXPECT_EQ(client_->keys["a key"].data, "line\nbreak");
  EXPECT_EQ(line("get 'a key'"), "line\nbreak\n");
}

TEST_F(Shell, JsonCountsForItsLineAlone) {
  line("put k v");
  EXPECT_EQ(line("get k --json").front(), '{');
  EXPECT_EQ(line("get k"), "v\n");
}

TEST_F(Shell, OptionsOfOneLineAreForgottenInTheNext) {
  line("put k v --ttl 5s --if-absent");
  line("put k w");
  EXPECT_EQ(client_->keys["k"].data, "w");
  EXPECT_FALSE(client_->keys["k"].ttl);
}

TEST_F(Shell, MistakesAreReportedAndDoNotEndIt) {
  EXPECT_NE(line("gett k").find("did you mean 'get'"), std::string::npos);
  EXPECT_TRUE(goes_on_);
  EXPECT_EQ(context_.exit_code, kExitUsage);
  line("put 'open");
  EXPECT_TRUE(goes_on_);
  EXPECT_EQ(context_.exit_code, kExitUsage);
}

TEST_F(Shell, EmptyLinesAndCommentsDoNothing) {
  EXPECT_EQ(line(""), "");
  EXPECT_EQ(line("  # comment"), "");
}

TEST_F(Shell, ValuesAreNotReadFromTheCommandStream) {
  EXPECT_NE(line("put k -").find("use --file"), std::string::npos);
}

TEST_F(Shell, HelpExplainsAndExitLeaves) {
  EXPECT_NE(line("help").find("single quotes"), std::string::npos);
  EXPECT_TRUE(goes_on_);
  line("exit");
  EXPECT_FALSE(goes_on_);
}

}  // namespace
}  // namespace gyre::cli
