// A role's options, described once: flags, environment variables, the configuration file and --help all come from here.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "gyre/result.h"

namespace gyre::daemon {

struct Option {
  std::string name;  // "initial-nodes": the flag is --initial-nodes, the variable GYRE_INITIAL_NODES
  std::string alias;  // another name of the flag; empty: none
  std::string value_name;  // "HOST:PORT"; empty: a flag without a value
  std::string help;  // may have several lines
  std::string default_text;  // as --help shows it
  bool list = false;  // takes several values, separated by commas
  // Checks and stores. ERRORS: invalid_argument, a sentence without the option's name.
  std::function<Result<void>(const std::string&)> set;
  // The present value as TOML.
  std::function<std::string()> toml;

  std::string variable() const;
};

// Limits of a number, both inclusive.
template <class T>
struct Bounds {
  T min = 0;
  T max = std::numeric_limits<T>::max();
};

// References given here must outlive the set. An option's default is what the target holds when it is added.
class OptionSet {
 public:
  void text(std::string name, std::string value_name, std::string& target, std::string help);
  // A node id, zone or the like: letters, digits, '.', '_' and '-'. `optional`: may be empty.
  void label(std::string name, std::string& target, bool optional, std::string help);
  // "HOST:PORT". `optional`: may be empty.
  void address(std::string name, std::string& target, bool optional, std::string help);
  void addresses(std::string name, std::vector<std::string>& target, std::string help);
  void flag(std::string name, bool& target, std::string help);
  void integer(std::string name, std::uint32_t& target, Bounds<std::uint32_t> bounds, std::string help);
  // Above `bounds.min` rather than at least: shares and weights of zero make no sense.
  void real(std::string name, double& target, Bounds<double> bounds, std::string help);
  void size(std::string name, std::size_t& target, Bounds<std::size_t> bounds, std::string help);
  // "100ms", "2s".
  void duration(std::string name, Duration& target, std::string help);
  template <class T>
  void choice(std::string name, T& target, std::vector<std::pair<std::string, T>> values, std::string help);

  // The flag may be written with another name, too.
  void also_called(const std::string& name, std::string alias);
  // What --help says where a default follows from another option.
  void show_default(const std::string& name, std::string default_text);

  const std::vector<Option>& options() const { return options_; }
  const Option* find(const std::string& name) const;
  std::vector<std::string> names() const;
  // With the aliases.
  std::vector<std::string> flags() const;

 private:
  using Setter = std::function<Result<void>(const std::string&)>;
  using Printer = std::function<std::string()>;
  Option& add(std::string name, std::string value_name, std::string help, Setter set, Printer toml);

  std::vector<Option> options_;
};

// 'fats' is none of these: fast, slow (did you mean fast?)
std::string not_one_of(const std::string& wrong, const std::vector<std::string>& names);
// " (did you mean --listen?)", or nothing.
std::string hint(const std::string& wrong, const std::vector<std::string>& names, const std::string& prefix = "");
// As a TOML string.
std::string toml_string(const std::string& text);

template <class T>
void OptionSet::choice(std::string name, T& target, std::vector<std::pair<std::string, T>> values, std::string help) {
  std::vector<std::string> names;
  for (const auto& [value_name, value] : values) names.push_back(value_name);
  std::string value_names;
  for (const std::string& value_name : names) value_names += (value_names.empty() ? "" : "|") + value_name;
  add(
      std::move(name), std::move(value_names), std::move(help),
      [&target, values, names](const std::string& text) -> Result<void> {
        for (const auto& [value_name, value] : values) {
          if (value_name != text) continue;
          target = value;
          return {};
        }
        return fail(ErrorCode::invalid_argument, not_one_of(text, names));
      },
      [&target, values] {
        for (const auto& [value_name, value] : values) {
          if (value == target) return toml_string(value_name);
        }
        return toml_string("");
      });
}

}  // namespace gyre::daemon
