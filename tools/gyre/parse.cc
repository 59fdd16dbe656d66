#include "tools/gyre/parse.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"

namespace gyre::cli {

namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array kTimeUnits = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000.0},
                                   Unit{"d", 24 * 3'600'000.0}};

constexpr double kKi = 1024;
constexpr std::array kSizeUnits = {
    Unit{"", 1},           Unit{"B", 1},     Unit{"k", kKi},           Unit{"K", kKi},
    Unit{"KiB", kKi},      Unit{"kB", 1000}, Unit{"KB", 1000},         Unit{"M", kKi* kKi},
    Unit{"MiB", kKi* kKi}, Unit{"MB", 1e6},  Unit{"G", kKi* kKi* kKi}, Unit{"GiB", kKi* kKi* kKi},
    Unit{"GB", 1e9}};

// The number in front, times the factor of the unit behind it. None: no such number or unit.
template <std::size_t N>
std::optional<double> scaled(std::string_view text, const std::array<Unit, N>& units) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (read.ec != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  const std::string_view unit(read.ptr, end);
  for (const auto& known : units) {
    if (known.name == unit) return number * known.factor;
  }
  return std::nullopt;
}

// A number of bytes up to this is exact in a double.
constexpr double kLargest = 9e15;

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  const auto ms = scaled(text, kTimeUnits);
  if (ms && *ms > static_cast<double>(limits::kTtlMsMax)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is too long: a hundred years is the most", text.substr(0, 40)));
  }
  if (!ms) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no duration: write a number and ms, s, m, h or d, such as 500ms or 2s",
                            text.substr(0, 40)));
  }
  return std::chrono::milliseconds(std::llround(*ms));
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto bytes = scaled(text, kSizeUnits);
  if (!bytes || *bytes > kLargest) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("'{}' is no size: write bytes, or a number and KiB, MiB or GiB, such as 4KiB", text.substr(0, 40)));
  }
  return static_cast<std::uint64_t>(std::llround(*bytes));
}

Result<Ack> parse_ack(std::string_view text) {
  if (text == "one") return Ack::one();
  if (text == "all") return Ack::all();
  std::uint32_t count = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
  if (whole && count >= 1 && count <= limits::kReplicationFactorMax) return Ack::members(count);
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no acknowledgement: write one, all, or a number of members from 1 to {}",
                          text.substr(0, 40), limits::kReplicationFactorMax));
}

Result<Read> parse_read(std::string_view text) {
  constexpr std::string_view kBounded = "bounded:";
  if (text == "linearizable") return Read::linearizable();
  if (text == "primary") return Read::primary();
  if (text == "session") return Read::session();
  if (text == "any") return Read::any();
  if (text.starts_with(kBounded)) {
    GYRE_TRY_SET(const auto bound, parse_duration(text.substr(kBounded.size())));
    return Read::bounded(bound);
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no read level: write linearizable, primary, session, any, or bounded and how stale "
                          "it may be, such as bounded:100ms",
                          text.substr(0, 40)));
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto part = CLI::detail::trim_copy(std::string(text.substr(0, comma)));
    if (!part.empty()) parts.push_back(part);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return parts;
}

CLI::Option* add_duration(CLI::App& app, const std::string& name, std::chrono::milliseconds& target,
                          const std::string& description) {
  return app
      .add_option_function<std::string>(
          name,
          [&target, name](const std::string& text) {
            auto value = parse_duration(text);
            if (!value) throw CLI::ValidationError(name, value.error().message);
            target = *value;
          },
          description)
      ->type_name("TIME");
}

CLI::Option* add_int64(CLI::App& app, const std::string& name, std::int64_t& target, const std::string& description) {
  return app
      .add_option_function<std::string>(
          name,
          [&target, name](const std::string& text) {
            const char* const begin = text.data() + (text.starts_with('+') ? 1 : 0);
            const char* const end = text.data() + text.size();
            const auto read = std::from_chars(begin, end, target);
            if (read.ec == std::errc() && read.ptr == end) return;
            throw CLI::ValidationError(name, fmt::format("'{}' is no whole number of 64 bits", text.substr(0, 40)));
          },
          description)
      ->type_name("INT");
}

CLI::Option* add_ack(CLI::App& app, Ack& target) {
  return app
      .add_option_function<std::string>(
          "--ack",
          [&target](const std::string& text) {
            auto value = parse_ack(text);
            if (!value) throw CLI::ValidationError("--ack", value.error().message);
            target = *value;
          },
          "Who must have a write before it counts: one (the primary), a number of members, or all in sync")
      ->type_name("one|N|all");
}

CLI::Option* add_read(CLI::App& app, Read& target) {
  return app
      .add_option_function<std::string>(
          "--read",
          [&target](const std::string& text) {
            auto value = parse_read(text);
            if (!value) throw CLI::ValidationError("--read", value.error().message);
            target = *value;
          },
          "How fresh a read must be")
      ->type_name("linearizable|primary|session|bounded:TIME|any");
}

CLI::Option* add_size(CLI::App& app, const std::string& name, std::uint64_t& target, const std::string& description) {
  return app
      .add_option_function<std::string>(
          name,
          [&target, name](const std::string& text) {
            auto value = parse_size(text);
            if (!value) throw CLI::ValidationError(name, value.error().message);
            target = *value;
          },
          description)
      ->type_name("SIZE");
}

CLI::Option* add_choice(CLI::App& app, const std::string& name, std::string& target,
                        const std::vector<std::string>& choices, const std::string& description) {
  CLI::Validator known = CLI::IsMember(choices);
  known.description("");  // the type's name says it already
  return app.add_option(name, target, description)->check(known)->type_name(CLI::detail::join(choices, "|"));
}

}  // namespace gyre::cli
