// `gyre shell`: the key commands, line by line.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <optional>

#include <editline/readline.h>
#include <fmt/format.h>

#include "tools/gyre/command.h"
#include "tools/gyre/completion.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/render.h"
#include "tools/gyre/shell.h"
#include "tools/gyre/usage.h"
#include "tools/gyre/words.h"

namespace gyre::cli {

namespace {

constexpr int kHistoryLines = 1000;

constexpr const char* kShellHelp = R"(
Words stand between blanks. 'single quotes' take everything as it is, "double quotes" know \n, \t, \\, \" and \xNN.
`COMMAND --help` explains a command; `exit` or Ctrl-D leaves.)";

void build_line_app(CLI::App& app, Context& context) {
  app.name("");
  app.description("Commands of the shell:");
  app.footer(kShellHelp);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_help_flag("-h,--help", "Explain");
  app.add_flag("--json", context.json, "Print the result as JSON");
  add_kv_commands(app, context);
}

// Command names for the line editor, which takes no context of ours.
std::vector<std::string>& completions() {
  static std::vector<std::string> words;
  return words;
}

char* next_completion(const char* prefix, int state) {
  static std::size_t at = 0;
  if (state == 0) at = 0;
  const auto& words = completions();
  while (at < words.size()) {
    const auto& word = words[at++];
    if (word.starts_with(prefix)) return strdup(word.c_str());
  }
  return nullptr;
}

char** complete(const char* text, int start, int) {
  rl_attempted_completion_over = 1;  // never file names
  const bool is_option = std::string_view(text).starts_with("-");
  return start == 0 || is_option ? rl_completion_matches(text, next_completion) : nullptr;
}

std::string history_path() {
  const char* const state = std::getenv("XDG_STATE_HOME");
  const char* const home = std::getenv("HOME");
  std::filesystem::path dir;
  if (state != nullptr && *state != '\0') {
    dir = std::filesystem::path(state) / "gyre";
  } else if (home != nullptr && *home != '\0') {
    dir = std::filesystem::path(home) / ".local/state/gyre";
  } else {
    return {};
  }
  std::error_code ignored;  // without a history file the shell works as well
  std::filesystem::create_directories(dir, ignored);
  return dir / "history";
}

// The line editor: prompt, history, completion.
class Editor {
 public:
  Editor() : history_path_(history_path()) {
    rl_initialize();
    using_history();
    stifle_history(kHistoryLines);
    if (!history_path_.empty()) read_history(history_path_.c_str());
    rl_attempted_completion_function = complete;
  }
  std::optional<std::string> read_line() {
    const std::unique_ptr<char, decltype(&std::free)> line(readline("gyre> "), &std::free);
    if (!line) return std::nullopt;
    if (*line.get() != '\0') {
      add_history(line.get());
      if (!history_path_.empty()) write_history(history_path_.c_str());  // at once: Ctrl-C ends the process
    }
    return line.get();
  }

 private:
  std::string history_path_;
};

std::optional<std::string> read_piped_line() {
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

int run_interactive(Context& context) {
  CLI::App app;
  build_line_app(app, context);
  completions() = words_of(app);
  completions().insert(completions().end(), {"exit", "help", "quit"});
  fmt::print("`help` lists the commands, `exit` leaves.\n");
  Editor editor;
  while (auto line = editor.read_line()) {
    if (!run_shell_line(context, *line)) return kExitOk;
  }
  fmt::print("\n");
  return kExitOk;
}

int run_piped(Context& context) {
  int worst = kExitOk;
  while (auto line = read_piped_line()) {
    context.exit_code = kExitOk;
    const bool go_on = run_shell_line(context, *line);
    worst = std::max(worst, context.exit_code);
    if (!go_on) break;
  }
  return worst;
}

}  // namespace

bool run_shell_line(Context& context, std::string_view line) {
  auto words = split_words(line);
  if (!words) {
    context.exit_code = report(context, words.error());
    return true;
  }
  if (words->empty()) return true;
  if (words->front() == "exit" || words->front() == "quit") return false;
  if (words->front() == "help") words->front() = "--help";

  const bool json_always = context.json;
  CLI::App app;
  build_line_app(app, context);
  std::ranges::reverse(*words);  // as CLI11 wants them
  try {
    app.parse(std::move(*words));
  } catch (const CLI::Success& help) {
    app.exit(help);
  } catch (const CLI::ParseError& error) {
    context.exit_code = report_usage(app, context, error);
  }
  context.json = json_always;
  std::cout.flush();
  std::fflush(stdout);
  return true;
}

void add_shell_commands(CLI::App& app, Context& context) {
  auto* shell = app.add_subcommand("shell", "Type commands one after the other")->group("Tools");
  shell->footer("From a pipe it runs line after line and exits with the worst exit code of all.");
  shell->callback([&context] {
    // Without a cluster there is no point in asking for commands.
    const auto client = shared_client(context);
    if (!client) {
      context.exit_code = report(context, client.error());
      return;
    }
    context.in_shell = true;
    context.exit_code = isatty(STDIN_FILENO) == 1 ? run_interactive(context) : run_piped(context);
  });
  add_completion_command(app, context);
}

}  // namespace gyre::cli
