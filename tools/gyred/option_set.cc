#include "tools/gyred/option_set.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include "base/assert.h"
#include "base/ids.h"
#include "base/invalid.h"
#include "net/address.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/suggest.h"

namespace gyre::daemon {

namespace {

template <class T>
Result<T> parse_number(const std::string& text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (text.empty() || read.ec != std::errc{} || read.ptr != end) {
    return invalid(fmt::format("'{}' is no number", text.substr(0, 40)));
  }
  return value;
}

Result<void> check_address(const std::string& text) {
  if (!net::parse_host_port(text)) {
    return invalid(fmt::format("'{}' is no address: write HOST:PORT, such as 127.0.0.1:7400", text.substr(0, 80)));
  }
  return {};
}

// Bytes as people write them: the largest unit that divides them.
std::string size_text(std::size_t bytes) {
  static constexpr const char* kUnits[] = {"GiB", "MiB", "KiB"};
  for (int i = 0; i < 3; ++i) {
    const std::size_t unit = std::size_t{1} << (30 - 10 * i);
    if (bytes >= unit && bytes % unit == 0) return fmt::format("{}{}", bytes / unit, kUnits[i]);
  }
  return fmt::format("{}", bytes);
}

}  // namespace

std::string Option::variable() const {
  std::string out = "GYRE_";
  for (const char c : name) out += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

std::string toml_string(const std::string& text) {
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

std::string hint(const std::string& wrong, const std::vector<std::string>& names, const std::string& prefix) {
  const std::string near = cli::nearest(wrong, names);
  return near.empty() ? "" : fmt::format(" (did you mean {}{}?)", prefix, near);
}

std::string not_one_of(const std::string& wrong, const std::vector<std::string>& names) {
  return fmt::format("'{}' is none of these: {}{}", wrong.substr(0, 40), fmt::join(names, ", "), hint(wrong, names));
}

Option& OptionSet::add(std::string name, std::string value_name, std::string help, Setter set, Printer toml) {
  GYRE_ASSERT(!find(name));
  std::string shown = toml();
  if (shown.starts_with('"') || shown.starts_with('\'')) shown = shown.substr(1, shown.size() - 2);
  Option option;
  option.name = std::move(name);
  option.value_name = std::move(value_name);
  option.help = std::move(help);
  option.default_text = std::move(shown);
  option.set = std::move(set);
  option.toml = std::move(toml);
  return options_.emplace_back(std::move(option));
}

void OptionSet::also_called(const std::string& name, std::string alias) {
  const auto found = std::ranges::find(options_, name, &Option::name);
  GYRE_ASSERT(found != options_.end() && !find(alias));
  found->alias = std::move(alias);
}

void OptionSet::show_default(const std::string& name, std::string default_text) {
  const auto found = std::ranges::find(options_, name, &Option::name);
  GYRE_ASSERT(found != options_.end());
  found->default_text = std::move(default_text);
}

const Option* OptionSet::find(const std::string& name) const {
  const auto found = std::ranges::find(options_, name, &Option::name);
  return found == options_.end() ? nullptr : &*found;
}

std::vector<std::string> OptionSet::names() const {
  std::vector<std::string> out;
  for (const Option& option : options_) out.push_back(option.name);
  return out;
}

std::vector<std::string> OptionSet::flags() const {
  std::vector<std::string> out = names();
  for (const Option& option : options_) {
    if (!option.alias.empty()) out.push_back(option.alias);
  }
  return out;
}

void OptionSet::text(std::string name, std::string value_name, std::string& target, std::string help) {
  add(
      std::move(name), std::move(value_name), std::move(help),
      [&target](const std::string& value) -> Result<void> {
        target = value;
        return {};
      },
      [&target] { return toml_string(target); });
}

void OptionSet::label(std::string name, std::string& target, bool optional, std::string help) {
  add(
      std::move(name), "NAME", std::move(help),
      [&target, optional](const std::string& value) -> Result<void> {
        if (!NodeId::valid(value) && !(optional && value.empty())) {
          return invalid(
              fmt::format("'{}' is no name: use 1 to 63 letters, digits, '.', '_' or '-', beginning with "
                          "a letter or digit",
                          value.substr(0, 80)));
        }
        target = value;
        return {};
      },
      [&target] { return toml_string(target); });
}

void OptionSet::address(std::string name, std::string& target, bool optional, std::string help) {
  add(
      std::move(name), "HOST:PORT", std::move(help),
      [&target, optional](const std::string& value) -> Result<void> {
        if (!optional || !value.empty()) GYRE_TRY(check_address(value));
        target = value;
        return {};
      },
      [&target] { return toml_string(target); });
}

void OptionSet::addresses(std::string name, std::vector<std::string>& target, std::string help) {
  Option& option = add(
      std::move(name), "HOST:PORT,...", std::move(help),
      [&target](const std::string& value) -> Result<void> {
        std::vector<std::string> parts = cli::split_list(value);
        if (parts.empty()) return invalid("at least one address is wanted, such as 127.0.0.1:7300");
        for (const std::string& part : parts) GYRE_TRY(check_address(part));
        target = std::move(parts);
        return {};
      },
      [&target] {
        std::vector<std::string> parts;
        for (const std::string& part : target) parts.push_back(toml_string(part));
        return fmt::format("[{}]", fmt::join(parts, ", "));
      });
  option.list = true;
  option.default_text = fmt::format("{}", fmt::join(target, ","));
}

void OptionSet::flag(std::string name, bool& target, std::string help) {
  add(
      std::move(name), {}, std::move(help),
      [&target](const std::string& value) -> Result<void> {
        if (value != "true" && value != "false") return invalid(not_one_of(value, {"true", "false"}));
        target = value == "true";
        return {};
      },
      [&target] { return std::string(target ? "true" : "false"); });
}

void OptionSet::integer(std::string name, std::uint32_t& target, Bounds<std::uint32_t> bounds, std::string help) {
  add(
      std::move(name), "N", std::move(help),
      [&target, bounds](const std::string& value) -> Result<void> {
        const auto number = parse_number<std::int64_t>(value);
        if (!number || *number < bounds.min || *number > bounds.max) {
          return invalid(
              fmt::format("'{}' is not a whole number from {} to {}", value.substr(0, 40), bounds.min, bounds.max));
        }
        target = static_cast<std::uint32_t>(*number);
        return {};
      },
      [&target] { return std::to_string(target); });
}

void OptionSet::real(std::string name, double& target, Bounds<double> bounds, std::string help) {
  add(
      std::move(name), "X", std::move(help),
      [&target, bounds](const std::string& value) -> Result<void> {
        const auto number = parse_number<double>(value);
        if (!number || !(*number > bounds.min && *number <= bounds.max)) {
          return invalid(
              fmt::format("'{}' is not a number above {} and at most {}", value.substr(0, 40), bounds.min, bounds.max));
        }
        target = *number;
        return {};
      },
      [&target] { return fmt::format("{}", target); });
}

void OptionSet::size(std::string name, std::size_t& target, Bounds<std::size_t> bounds, std::string help) {
  add(
      std::move(name), "SIZE", std::move(help),
      [&target, bounds](const std::string& value) -> Result<void> {
        GYRE_TRY_SET(const std::uint64_t bytes, cli::parse_size(value));
        if (bytes < bounds.min || bytes > bounds.max) {
          return invalid(fmt::format("{} is not from {} to {}", value, size_text(bounds.min), size_text(bounds.max)));
        }
        target = bytes;
        return {};
      },
      [&target] { return toml_string(size_text(target)); });
}

void OptionSet::duration(std::string name, Duration& target, std::string help) {
  add(
      std::move(name), "TIME", std::move(help),
      [&target](const std::string& value) -> Result<void> {
        GYRE_TRY_SET(target, cli::parse_duration(value));
        return {};
      },
      [&target] { return toml_string(fmt::format("{}ms", to_ms(target))); });
}

}  // namespace gyre::daemon
