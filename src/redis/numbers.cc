#include "redis/numbers.h"

#include <array>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace gyre::redis {

namespace {

constexpr std::size_t kFloatBytesMax = std::size_t{5} * 1024;  // as in Redis; holds every long double

}  // namespace

std::optional<long double> parse_float(std::string_view text) {
  if (text.empty() || text.size() >= kFloatBytesMax) return std::nullopt;
  if (std::isspace(static_cast<unsigned char>(text.front())) != 0) return std::nullopt;
  const std::string terminated(text);
  char* end = nullptr;
  errno = 0;
  const long double number = std::strtold(terminated.c_str(), &end);
  if (end != terminated.c_str() + terminated.size() || std::isnan(number)) return std::nullopt;
  if (errno == ERANGE && (std::isinf(number) || number == 0)) return std::nullopt;
  return number;
}

std::string format_float(long double number) {
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  std::array<char, kFloatBytesMax> buffer;
  const int size = std::snprintf(buffer.data(), buffer.size(), "%.17Lf", number);
  std::string text(buffer.data(), static_cast<std::size_t>(size));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

}  // namespace gyre::redis
