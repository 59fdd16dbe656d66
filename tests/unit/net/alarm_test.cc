#include "net/alarm.h"

#include <future>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace gyre::net {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// What rang, by the number it was set with, until `last` did.
std::vector<int> rung(const std::vector<Duration>& moments, int last) {
  Loop loop("loop");
  Alarm alarm(loop);
  std::vector<int> order;
  std::promise<void> done;
  const Instant begin = steady_now();
  for (int i = 0; i < static_cast<int>(moments.size()); ++i) {
    alarm.set(begin + moments[static_cast<std::size_t>(i)], [&, i] {
      order.push_back(i);
      if (i == last) done.set_value();
    });
  }
  loop.start();
  ready(done.get_future());
  loop.stop();
  loop.join();
  return order;
}

TEST(Alarm, AnEarlierMomentRingsFirst) { EXPECT_THAT(rung({30ms, 1ms}, 0), ElementsAre(1, 0)); }

TEST(Alarm, ALaterMomentIsLeftToTheEarlierOne) { EXPECT_THAT(rung({1ms, 2ms, 1ms, 0ms}, 0), ElementsAre(3, 0)); }

TEST(Alarm, NeverRingsForNoMoment) {
  Loop loop("loop");
  Alarm alarm(loop);
  alarm.set(kNever, [] { FAIL(); });
  alarm.set(steady_now() - 1s, [&loop] { loop.stop(); });
  loop.start();
  loop.join();
}

TEST(Alarm, IsSetAnewOnceItRang) {
  Loop loop("loop");
  Alarm alarm(loop);
  std::promise<void> done;
  loop.post([&] { alarm.set(steady_now() + 1ms, [&] { alarm.set(steady_now() + 1ms, [&] { done.set_value(); }); }); });
  loop.start();
  ready(done.get_future());
}

}  // namespace
}  // namespace gyre::net
