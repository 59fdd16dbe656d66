#include "tools/gyred/sources.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/invalid.h"

namespace gyre::daemon {

namespace {

// A TOML value as a flag would write it. None: a kind that no option takes.
std::optional<std::string> as_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (const auto* list = node.as_array()) {
    std::string joined;
    for (const toml::node& element : *list) {
      const auto* text = element.as_string();
      if (!text) return std::nullopt;
      joined += (joined.empty() ? "" : ",") + text->get();
    }
    return joined;
  }
  return std::nullopt;
}

Result<toml::table> parse_file(const std::string& path) {
  try {
    return toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    const auto line = error.source().begin.line;
    return invalid(line > 0 ? fmt::format("{}, line {}: {}", path, line, error.description())
                            : fmt::format("{}: {}", path, error.description()));
  }
}

}  // namespace

Result<GivenValues> read_file(const std::string& path, const OptionSet& options) {
  GYRE_TRY_SET(const toml::table table, parse_file(path));
  GivenValues given;
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const Option* option = options.find(name);
    const auto line = node.source().begin.line;
    if (!option) {
      return invalid(fmt::format("{}, line {}: there is no option '{}'{}; --help lists them", path, line,
                                 name.substr(0, 80), hint(name, options.names())));
    }
    const auto text = as_text(node);
    if (!text || (node.is_array() && !option->list)) {
      return invalid(
          fmt::format("{}, line {}: {} takes one value, as in: {} = {}", path, line, name, name, option->toml()));
    }
    given[name] = {*text, fmt::format("{}, line {}: {}", path, line, name)};
  }
  return given;
}

GivenValues read_environment(const Environment& environment, const OptionSet& options) {
  GivenValues given;
  for (const Option& option : options.options()) {
    const std::string variable = option.variable();
    if (const char* value = environment(variable.c_str())) given[option.name] = {value, variable};
  }
  return given;
}

Result<void> set_options(const OptionSet& options, const GivenValues& values) {
  for (const Option& option : options.options()) {
    const auto given = values.find(option.name);
    if (given == values.end()) continue;
    const Result<void> set = option.set(given->second.value);
    if (!set) return invalid(fmt::format("{}: {}", given->second.where, set.error().message));
  }
  return {};
}

std::string to_toml(const OptionSet& options) {
  std::string out;
  for (const Option& option : options.options()) {
    std::string comment = option.help;
    std::ranges::replace(comment, '\n', ' ');
    out += fmt::format("# {}\n{} = {}\n", comment, option.name, option.toml());
  }
  return out;
}

}  // namespace gyre::daemon
