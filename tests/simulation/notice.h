// What was found wrong in a run, and by which check.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gyre::simulation {

struct Notice {
  enum class Kind : std::uint8_t {
    safety,  // what must never be was seen: by a check against what really happened, or by a machine's own invariant
    expected,  // at one moment of a scenario something is not as its script says
    progress,  // what has to come about does not
  };
  Kind kind = Kind::safety;
  std::string_view check;  // which one noticed: a literal, e.g. "promise of n"
  std::string what;
};
using OnNotice = std::function<void(Notice)>;

std::string_view to_string(Notice::Kind kind);
// "safety (promise of n): 2:17 of partition 0 was ..."
std::string to_string(const Notice& notice);

}  // namespace gyre::simulation
