#include "tools/gyre/completion.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "tools/gyre/parse.h"
#include "tools/gyre/render.h"

namespace gyre::cli {

namespace {

using Apps = std::vector<const CLI::App*>;
using Options = std::vector<const CLI::Option*>;

Apps commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_name().empty(); });
}

// Options of `app` with those of its nameless groups.
Options own_options(const CLI::App& app) {
  Options options;
  for (const auto* option : app.get_options()) {
    if (!option->get_lnames().empty()) options.push_back(option);
  }
  for (const auto* group : app.get_subcommands([](const CLI::App* c) { return c->get_name().empty(); })) {
    const auto inner = own_options(*group);
    options.insert(options.end(), inner.begin(), inner.end());
  }
  return options;
}

// With those of its parents, which may stand behind the command as well.
Options usable_options(const CLI::App& app) {
  Options options;
  std::set<std::string> seen;
  for (const auto* at = &app; at != nullptr; at = at->get_parent()) {
    for (const auto* option : own_options(*at)) {
      if (seen.insert(option->get_lnames().front()).second) options.push_back(option);
    }
  }
  return options;
}

// An option whose values are named "a|b|c:TIME|N" takes these; TIME and N are for people to fill in.
std::vector<std::string> choices_of(const CLI::Option& option) {
  std::string names = option.get_type_name();
  if (names.find('|') == std::string::npos) return {};
  std::ranges::replace(names, '|', ',');
  std::vector<std::string> choices = split_list(names);
  for (std::string& choice : choices) std::erase_if(choice, [](char c) { return c >= 'A' && c <= 'Z'; });
  std::erase(choices, "");
  return choices;
}

// "cluster status" for that command; empty for the root.
std::string path_of(const CLI::App& app) {
  if (app.get_parent() == nullptr) return {};
  const auto above = path_of(*app.get_parent());
  return above.empty() ? app.get_name() : above + " " + app.get_name();
}

// The root and every command below it.
Apps all_of(const CLI::App& app) {
  Apps all = {&app};
  for (const auto* command : commands_of(app)) {
    const auto below = all_of(*command);
    all.insert(all.end(), below.begin(), below.end());
  }
  return all;
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

std::vector<std::string> option_words(const CLI::App& app) {
  std::vector<std::string> words;
  for (const auto* option : usable_options(app)) words.push_back("--" + option->get_lnames().front());
  return words;
}

std::vector<std::string> command_words(const CLI::App& app) {
  std::vector<std::string> words;
  for (const auto* command : commands_of(app)) words.push_back(command->get_name());
  return words;
}

// Text between single quotes, as sh, zsh and fish alike understand it.
std::string unquoted(std::string text) {
  std::erase(text, '\'');
  std::ranges::replace(text, '\n', ' ');
  return text;
}

// Shell code that walks the words typed so far and leaves the path of the command in $path_.
// `array`: the words; bash counts them from 0, zsh from 1, so that the first argument is `first`.
std::string path_walk(const CLI::App& app, std::string_view array, std::string_view last, int first) {
  std::string text = fmt::format(
      "  local path_='' i word\n"
      "  for ((i = {}; i < {}; i++)); do\n"
      "    word=\"${{{}[i]}}\"\n"
      "    case \"$path_ $word\" in\n",
      first, last, array);
  for (const auto* command : all_of(app)) {
    if (command->get_parent() == nullptr) continue;
    const auto above = path_of(*command->get_parent());
    text += fmt::format("      '{} {}') path_='{}' ;;\n", above, command->get_name(), path_of(*command));
  }
  return text + "    esac\n  done\n";
}

// case arms: the words to offer behind each command.
std::string word_table(const CLI::App& app) {
  std::string text = "  local commands_='' options_=''\n  case \"$path_\" in\n";
  for (const auto* command : all_of(app)) {
    text += fmt::format("    '{}') commands_='{}'; options_='{}' ;;\n", path_of(*command),
                        joined(command_words(*command)), joined(option_words(*command)));
  }
  return text + "  esac\n";
}

// case arms: the values to offer behind an option; `emit` prints the code that offers the words.
template <class Emit>
std::string choice_table(const CLI::App& app, std::string_view previous, Emit emit) {
  std::set<std::string> arms;
  for (const auto* command : all_of(app)) {
    for (const auto* option : own_options(*command)) {
      const auto choices = choices_of(*option);
      if (choices.empty()) continue;
      arms.insert(fmt::format("    '{} --{}') {}; return ;;\n", path_of(*command), option->get_lnames().front(),
                              emit(joined(choices))));
    }
  }
  std::string text = fmt::format("  case \"$path_ {}\" in\n", previous);
  for (const auto& arm : arms) text += arm;
  return text + "  esac\n";
}

}  // namespace

std::vector<std::string> words_of(const CLI::App& app) {
  std::set<std::string> words;
  for (const auto* command : all_of(app)) {
    for (const auto& word : command_words(*command)) words.insert(word);
    for (const auto& word : option_words(*command)) words.insert(word);
  }
  return {words.begin(), words.end()};
}

std::string bash_completion(const CLI::App& app) {
  const auto emit = [](const std::string& words) {
    return fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$current\"))", words);
  };
  return "# bash completion for gyre: source <(gyre completion bash)\n"
         "_gyre() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\"\n" +
         path_walk(app, "COMP_WORDS", "COMP_CWORD", 1) + choice_table(app, "${COMP_WORDS[COMP_CWORD-1]}", emit) +
         word_table(app) +
         "  local offered=\"$commands_\"\n"
         "  [[ \"$current\" == -* ]] && offered=\"$options_\"\n"
         "  COMPREPLY=($(compgen -W \"$offered\" -- \"$current\"))\n"
         "}\n"
         "complete -o default -F _gyre gyre\n";
}

std::string zsh_completion(const CLI::App& app) {
  const auto emit = [](const std::string& words) { return fmt::format("compadd -- {}", words); };
  return "#compdef gyre\n"
         "# zsh completion for gyre: gyre completion zsh > \"${fpath[1]}/_gyre\", or\n"
         "# source <(gyre completion zsh)\n"
         "_gyre() {\n" +
         path_walk(app, "words", "CURRENT", 2) + choice_table(app, "${words[CURRENT-1]}", emit) + word_table(app) +
         "  if [[ \"${words[CURRENT]}\" == -* ]]; then\n"
         "    compadd -- ${=options_}\n"
         "  elif [[ -n \"$commands_\" ]]; then\n"
         "    compadd -- ${=commands_}\n"
         "  else\n"
         "    _files\n"
         "  fi\n"
         "}\n"
         "if [[ \"$funcstack[1]\" == _gyre ]]; then _gyre; else compdef _gyre gyre; fi\n";
}

std::string fish_completion(const CLI::App& app) {
  std::string text =
      "# fish completion for gyre: gyre completion fish | source\n"
      "function __gyre_path\n"
      "  set -l path_ ''\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch \"$path_ $word\"\n";
  for (const auto* command : all_of(app)) {
    if (command->get_parent() == nullptr) continue;
    text += fmt::format("      case '{} {}'; set path_ '{}'\n", path_of(*command->get_parent()), command->get_name(),
                        path_of(*command));
  }
  text += "    end\n  end\n  test \"$path_\" = \"$argv[1]\"\nend\n";
  for (const auto* command : all_of(app)) {
    const auto condition = fmt::format("complete -c gyre -n \"__gyre_path '{}'\"", path_of(*command));
    for (const auto* below : commands_of(*command)) {
      text += fmt::format("{} -f -a {} -d '{}'\n", condition, below->get_name(), unquoted(below->get_description()));
    }
    for (const auto* option : usable_options(*command)) {
      const auto choices = choices_of(*option);
      const bool takes_value = option->get_items_expected_max() > 0;
      text += fmt::format("{} -l {}{}{} -d '{}'\n", condition, option->get_lnames().front(), takes_value ? " -r" : "",
                          choices.empty() ? "" : fmt::format(" -f -a '{}'", joined(choices)),
                          unquoted(option->get_description()));
    }
  }
  return text;
}

void add_completion_command(CLI::App& app, Context& context) {
  auto shell = std::make_shared<std::string>();
  auto* command = app.add_subcommand("completion", "Print a completion script for a shell")->group("Tools");
  add_choice(*command, "SHELL", *shell, {"bash", "zsh", "fish"}, "Whose script")->required();
  command->footer("Example: source <(gyre completion bash)");
  command->callback([&app, &context, shell] {
    const auto script = *shell == "bash"  ? bash_completion(app)
                        : *shell == "zsh" ? zsh_completion(app)
                                          : fish_completion(app);
    std::fwrite(script.data(), 1, script.size(), stdout);
    context.exit_code = kExitOk;
  });
}

}  // namespace gyre::cli
