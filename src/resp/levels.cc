#include "resp/levels.h"

#include <array>
#include <utility>

#include "base/limits.h"
#include "redis/arguments.h"
#include "redis/numbers.h"

namespace gyre::resp {

using messages::ReadLevel;
using redis::says;

std::optional<messages::ReadConsistency> parse_read(std::string_view level, std::string_view bound) {
  if (says(level, "bounded")) {
    const auto ms = redis::number_of<std::uint32_t>(bound);
    if (!ms || *ms == 0) return std::nullopt;
    return messages::ReadConsistency{ReadLevel::bounded, std::chrono::milliseconds(*ms), {}};
  }
  constexpr std::array kLevels = {std::pair{std::string_view("primary"), ReadLevel::primary},
                                  std::pair{std::string_view("session"), ReadLevel::session},
                                  std::pair{std::string_view("linearizable"), ReadLevel::linearizable},
                                  std::pair{std::string_view("any"), ReadLevel::any}};
  for (const auto& [name, meant] : kLevels) {
    if (bound.empty() && says(level, name)) return messages::ReadConsistency{.level = meant};
  }
  return std::nullopt;
}

std::optional<messages::ReadConsistency> parse_read_word(std::string_view word) {
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos) return parse_read(word);
  return parse_read(word.substr(0, colon), word.substr(colon + 1));
}

std::optional<messages::AckCount> parse_ack(std::string_view members) {
  if (says(members, "one")) return messages::kAckOne;
  if (says(members, "all")) return messages::kAckAll;
  const auto number = redis::number_of<std::uint8_t>(members);
  if (!number || *number == 0 || *number > limits::kReplicationFactorMax) return std::nullopt;
  return *number;
}

}  // namespace gyre::resp
