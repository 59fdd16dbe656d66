#include "tools/gyre/render.h"

#include <unistd.h>

#include <cstdlib>

#include <array>
#include <cstdio>

#include <fmt/format.h>

#include "tools/gyre/encoding.h"

namespace gyre::cli {

void set_bytes(Json& object, const std::string& name, std::string_view bytes) {
  if (valid_utf8(bytes)) {
    object[name] = bytes;
  } else {
    object[name + "_b64"] = base64_encode(bytes);
  }
}

Json to_json(std::string_view key, const Value& value) {
  Json json;
  set_bytes(json, "key", key);
  set_bytes(json, "value", value.data);
  json["version"] = gyre::to_string(value.version);
  json["ttl_ms"] = value.ttl ? Json(value.ttl->count()) : Json(nullptr);
  return json;
}

Json to_json(const Error& error) {
  Json json;
  json["code"] = gyre::to_string(error.code);
  json["message"] = valid_utf8(error.message) ? error.message : printable(error.message);
  json["outcome"] = error.outcome == Outcome::unknown ? "unknown" : "not_applied";
  if (error.retry_after.count() > 0) json["retry_after_ms"] = error.retry_after.count();
  return json;
}

Json id_or_null(const NodeId& node) { return node.empty() ? Json(nullptr) : Json(node.str()); }

void print_json(const Json& json) { print_line(json.dump()); }

void print_line(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (auto i = static_cast<std::ptrdiff_t>(text.size()) - 3; i > 0; i -= 3) {
    text.insert(static_cast<std::size_t>(i), ",");
  }
  return text;
}

std::string human_bytes(double bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string bytes_text(std::uint64_t bytes) { return human_bytes(static_cast<double>(bytes)); }

std::string short_number(double number) {
  constexpr std::array kUnits = {"", "k", "M", "G"};
  std::size_t unit = 0;
  while (number >= 999.5 && unit + 1 < kUnits.size()) {
    number /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f}{}", number, unit > 0 && number < 99.95 ? 1 : 0, kUnits[unit]);
}

std::string human_duration(std::chrono::milliseconds duration) {
  const auto ms = duration.count();
  if (ms < 1000) return fmt::format("{} ms", ms);
  const auto seconds = (ms + 500) / 1000;
  if (seconds < 60) return fmt::format("{} s", seconds);
  const auto minutes = seconds / 60;
  if (minutes < 60)
    return seconds % 60 == 0 ? fmt::format("{} min", minutes) : fmt::format("{} min {} s", minutes, seconds % 60);
  return minutes % 60 == 0 ? fmt::format("{} h", minutes / 60) : fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

std::string counted(std::uint64_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", with_commas(number), number == 1 ? one : many);
}

bool stdout_in_colours() {
  const char* no_color = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

}  // namespace gyre::cli
