#include "routing/timer_heap.h"

#include <map>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gyre::routing {
namespace {

using namespace std::chrono_literals;

TEST(TimerHeap, GivesTheEarliestFirst) {
  TimerHeap timers;
  EXPECT_EQ(timers.next(), kNever);
  timers.set(7, Instant(30ms));
  timers.set(3, Instant(10ms));
  timers.set(5, Instant(20ms));
  EXPECT_EQ(timers.next(), Instant(10ms));
  EXPECT_EQ(timers.pop(), 3U);
  EXPECT_EQ(timers.pop(), 5U);
  EXPECT_EQ(timers.pop(), 7U);
  EXPECT_EQ(timers.next(), kNever);
}

RC_GTEST_PROP(TimerHeap, BehavesLikeAMapFromKeyToTime,
              (const std::vector<std::pair<std::uint8_t, std::int8_t>>& steps)) {
  TimerHeap timers;
  std::map<std::uint32_t, Instant> model;
  for (const auto& [key, when] : steps) {
    if (when < -64) {
      timers.cancel(key);
      model.erase(key);
    } else if (when < 0) {
      if (!model.empty()) {
        const auto next = timers.next();
        const auto popped = timers.pop();
        RC_ASSERT(model.at(popped) == next);
        model.erase(popped);
      }
    } else {
      timers.set(key, Instant(Duration(when)));
      model[key] = Instant(Duration(when));
    }
    RC_ASSERT(timers.size() == model.size());
    Instant earliest = kNever;
    for (const auto& [k, at] : model) {
      RC_ASSERT(timers.armed(k));
      earliest = std::min(earliest, at);
    }
    RC_ASSERT(timers.next() == earliest);
  }
}

}  // namespace
}  // namespace gyre::routing
