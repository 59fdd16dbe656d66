#include "tools/gyre/usage.h"

#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tools/gyre/encoding.h"
#include "tools/gyre/suggest.h"

namespace gyre::cli {

namespace {

// The innermost command that was recognised on the line.
const CLI::App* innermost(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().back();
  return at;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App* c) { return !c->get_name().empty(); })) {
    names.push_back(command->get_name());
  }
  return names;
}

// Long options that may be used with `app`, its parents' and its nameless groups' included.
std::vector<std::string> option_names(const CLI::App* app) {
  std::vector<std::string> names;
  const auto add_from = [&](const CLI::App* from) {
    for (const auto* option : from->get_options()) {
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
  };
  for (; app != nullptr; app = app->get_parent()) {
    add_from(app);
    for (const auto* group : app->get_subcommands([](const CLI::App* c) { return c->get_name().empty(); })) {
      add_from(group);
    }
  }
  return names;
}

// What to say of the first word that nothing took; empty: every word was taken.
std::string explain_leftover(const CLI::App& app) {
  const CLI::App* const at = innermost(app);
  auto left = at->remaining();
  if (left.empty()) left = app.remaining(true);
  if (left.empty()) return {};
  const std::string word = printable(left.front());
  const bool is_option = word.starts_with('-') && word.size() > 1;
  const bool wants_command = !command_names(*at).empty();
  const std::string kind = is_option ? "option" : wants_command ? "command" : "argument";
  std::string text = fmt::format("unknown {} '{}'", kind, word);
  if (kind == "argument") return fmt::format("'{}' is one argument too many", word);
  const auto candidates = is_option ? option_names(at) : command_names(*at);
  const auto suggestion = nearest(word.substr(0, word.find('=')), candidates);
  if (!suggestion.empty()) text += fmt::format("; did you mean '{}'?", suggestion);
  return text;
}

}  // namespace

int report_usage(const CLI::App& app, const Context& context, const CLI::ParseError& error) {
  std::string message = explain_leftover(app);
  if (message.empty()) message = printable(error.what());
  const CLI::App* const at = innermost(app);
  std::string ask = "--help";
  for (const auto* up = at; up != nullptr; up = up->get_parent()) {
    if (!up->get_name().empty()) ask = up->get_name() + " " + ask;  // the shell's root has no name
  }
  if (context.json) {
    const Error usage{ErrorCode::invalid_argument, Outcome::not_applied, message, {}};
    return report(context, usage);
  }
  fmt::print(stderr, "usage: {}\n`{}` explains.\n", message, ask);
  return kExitUsage;
}

}  // namespace gyre::cli
