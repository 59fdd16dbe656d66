// What the workload of `gyre verify` did and saw, and whether that keeps Gyre's promises. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gyre::cli {

using VerifyClock = std::chrono::steady_clock;

// One call on a register. Every write has a value of its own, above 0; a read of 0 found nothing.
struct RegisterCall {
  enum class Kind : std::uint8_t { write, read };
  Kind kind;
  std::uint64_t value;
  VerifyClock::time_point called;
  std::optional<VerifyClock::time_point> answered;  // none: a write of unknown outcome
};

// Is there an order of the calls, each between its call and its answer, in which every read sees the write before it?
// Writes of unknown outcome may have happened at any time after their call, or never. Empty: yes; else what is wrong.
//
// SOURCE: Gibbons and Korach, Testing Shared Memories, SIAM J. Comput. 26(4), 1997: with unique values it is enough to
// look at the zones of the values.
std::string check_register(const std::vector<RegisterCall>& calls);

// One counter: what the increments by one that were acknowledged gave, and how many had an unknown outcome.
struct CounterCalls {
  std::vector<std::int64_t> given;
  std::uint64_t unknown = 0;
};
// Empty: each acknowledged increment was applied exactly once, each unknown one at most once.
std::string check_counter(CounterCalls calls, std::int64_t at_end);

// Empty: enough of the calls were answered as they should be for a check to prove something; else what is missing.
std::string check_enough(std::uint64_t calls, std::uint64_t acknowledged);

}  // namespace gyre::cli
