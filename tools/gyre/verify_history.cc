#include "tools/gyre/verify_history.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

namespace gyre::cli {
namespace {

using Time = VerifyClock::time_point;

// All calls about one value. Its write happens before the first answer and after the last call are both possible only
// in between: `first_answer` < `last_call` means that the value must be there all that time (a forward zone).
struct Zone {
  std::uint64_t value = 0;
  bool written = false;
  Time write_called = Time::min();
  Time first_answer = Time::max();
  Time last_call = Time::min();

  bool forward() const { return first_answer < last_call; }
};

std::map<std::uint64_t, Zone> zones_of(const std::vector<RegisterCall>& calls) {
  std::map<std::uint64_t, Zone> zones;
  zones[0] = {.value = 0, .written = true, .first_answer = Time::min()};  // what was there before everything
  for (const RegisterCall& call : calls) {
    Zone& zone = zones[call.value];
    zone.value = call.value;
    if (call.kind == RegisterCall::Kind::write) {
      zone.written = true;
      zone.write_called = call.called;
    }
    zone.first_answer = std::min(zone.first_answer, call.answered.value_or(Time::max()));
    zone.last_call = std::max(zone.last_call, call.called);
  }
  return zones;
}

std::string overlap(const Zone& a, const Zone& b) {
  return fmt::format("the values {} and {} would both have to be there at one moment", a.value, b.value);
}

}  // namespace

std::string check_register(const std::vector<RegisterCall>& calls) {
  std::vector<Zone> forward;
  std::vector<Zone> backward;
  for (const auto& [value, zone] : zones_of(calls)) {
    if (!zone.written) return fmt::format("the value {} was read, and nobody wrote it", value);
    if (zone.first_answer < zone.write_called) return fmt::format("the value {} was read before it was written", value);
    // Never read and never acknowledged: it need not have happened.
    if (zone.first_answer == Time::max()) continue;
    (zone.forward() ? forward : backward).push_back(zone);
  }
  std::ranges::sort(forward, {}, &Zone::first_answer);
  for (std::size_t i = 1; i < forward.size(); ++i) {
    if (forward[i].first_answer < forward[i - 1].last_call) return overlap(forward[i - 1], forward[i]);
  }
  // A value that lived for a moment only must find that moment outside of all forward zones.
  for (const Zone& zone : backward) {
    auto after = std::ranges::upper_bound(forward, zone.last_call, {}, &Zone::first_answer);
    if (after == forward.begin()) continue;
    const Zone& around = *std::prev(after);
    if (around.first_answer < zone.last_call && zone.first_answer < around.last_call) return overlap(around, zone);
  }
  return {};
}

std::string check_counter(CounterCalls calls, std::int64_t at_end) {
  std::ranges::sort(calls.given);
  const auto twice = std::ranges::adjacent_find(calls.given);
  if (twice != calls.given.end()) return fmt::format("two increments both gave {}", *twice);
  const auto acknowledged = static_cast<std::int64_t>(calls.given.size());
  if (!calls.given.empty() && calls.given.back() > at_end) {
    return fmt::format("an increment gave {}, but at the end there is {}", calls.given.back(), at_end);
  }
  if (at_end < acknowledged) {
    return fmt::format("{} increments were acknowledged, but at the end there is {}", acknowledged, at_end);
  }
  const std::int64_t most = acknowledged + static_cast<std::int64_t>(calls.unknown);
  if (at_end > most) {
    return fmt::format("{} increments were acknowledged and {} are unknown, but at the end there is {}", acknowledged,
                       calls.unknown, at_end);
  }
  return {};
}

std::string check_enough(std::uint64_t calls, std::uint64_t acknowledged) {
  constexpr std::uint64_t kLeast = 20;
  constexpr std::uint64_t kOneIn = 10;
  if (acknowledged >= std::max(kLeast, calls / kOneIn)) return {};
  return fmt::format("only {} of {} calls were acknowledged: that proves nothing", acknowledged, calls);
}

}  // namespace gyre::cli
