#include "net/loop.h"

#include <algorithm>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include <sched.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <asio/post.hpp>

#include "support.h"

namespace gyre::net {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(Loop, RunsPostedTasksInOrder) {
  Loop loop("loop");
  std::vector<int> order;
  for (int i = 0; i < 500; ++i) loop.post([&order, i] { order.push_back(i); });
  loop.start();
  for (int i = 500; i < 1000; ++i) loop.post([&order, i] { order.push_back(i); });
  run_on(loop, [] {});
  ASSERT_EQ(order.size(), 1000u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(Loop, EndsATurnWithTheHooksThenTheTasksOfThatTurn) {
  Loop loop("loop");
  std::vector<std::string> order;
  std::promise<void> done;
  loop.on_turn_end([&] { order.push_back("hook"); });
  loop.on_turn_end([&] { order.push_back("second hook"); });
  loop.post([&] {
    order.push_back("handler");
    loop.at_turn_end([&] { order.push_back("end"); });
    loop.at_turn_end([&] { done.set_value(); });
    loop.post([&] { order.push_back("ready before the turn ended"); });
  });
  loop.start();
  ready(done.get_future());
  loop.stop();
  loop.join();
  ASSERT_GE(order.size(), 5u);
  order.resize(5);
  EXPECT_THAT(order, ElementsAre("handler", "ready before the turn ended", "hook", "second hook", "end"));
}

TEST(Loop, TurnEndTasksMayAddTurnEndTasks) {
  Loop loop("loop");
  std::vector<std::string> order;
  std::promise<void> done;
  loop.post([&] {
    loop.at_turn_end([&] {
      order.push_back("first");
      loop.at_turn_end([&] {
        order.push_back("third");
        loop.post([&] {
          order.push_back("next turn");
          done.set_value();
        });
      });
    });
    loop.at_turn_end([&] { order.push_back("second"); });
  });
  loop.start();
  ready(done.get_future());
  EXPECT_THAT(order, ElementsAre("first", "second", "third", "next turn"));
}

TEST(Loop, AFloodOfTasksDoesNotPutOffTheEndOfATurn) {
  Loop loop("loop");
  int turns = 0;
  int left = 2000;
  std::promise<int> turns_meanwhile;
  loop.on_turn_end([&] { ++turns; });
  std::function<void()> again = [&] {
    if (--left > 0) return loop.post([&] { again(); });
    turns_meanwhile.set_value(turns);
  };
  loop.post([&] { again(); });
  loop.start();
  EXPECT_GE(ready(turns_meanwhile.get_future()), 5);
}

TEST(Loop, RunsDelayedTasksInTheOrderOfTheirTimesAndNotEarlier) {
  Loop loop("loop");
  std::vector<int> order;
  std::promise<void> done;
  const Instant begun = steady_now();
  loop.post([&] {
    loop.after(20ms, [&] {
      order.push_back(20);
      done.set_value();
    });
    loop.after(1ms, [&] { order.push_back(1); });
    loop.after(0ms, [&] { order.push_back(0); });
  });
  loop.start();
  ready(done.get_future());
  EXPECT_GE(steady_now() - begun, 20ms);
  EXPECT_THAT(order, ElementsAre(0, 1, 20));
}

TEST(Loop, RepeatsATaskUntilItStops) {
  Loop loop("loop");
  int ticks = 0;
  std::promise<void> third;
  loop.every(1ms, [&] {
    if (++ticks == 3) third.set_value();
  });
  loop.start();
  ready(third.get_future());
  loop.stop();
  loop.join();
  EXPECT_GE(ticks, 3);
}

TEST(Loop, StopFromAnotherThreadEndsTheTurnFirst) {
  Loop loop("loop");
  std::promise<void> inside;
  std::promise<void> stopped;
  bool turn_ended = false;
  loop.post([&] {
    loop.at_turn_end([&] { turn_ended = true; });
    inside.set_value();
    stopped.get_future().wait();
  });
  loop.start();
  ready(inside.get_future());
  loop.stop();
  bool ran_late = false;
  loop.post([&] { ran_late = true; });
  stopped.set_value();
  loop.join();
  EXPECT_TRUE(turn_ended);
  EXPECT_FALSE(ran_late);
}

TEST(Loop, MayStopItself) {
  Loop loop("loop");
  loop.post([&] { loop.stop(); });
  loop.start();
  loop.join();
}

TEST(Loop, LetsGoOfTasksThatNeverRan) {
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = held;
  {
    Loop loop("loop");
    loop.post([held = std::move(held)] {});
  }
  EXPECT_TRUE(watched.expired());
}

TEST(Loop, ATaskFromAnotherThreadWakesIt) {
  Loop loop("loop");
  loop.start();
  for (int i = 0; i < 1000; ++i) run_on(loop, [] {});
}

TEST(Loop, WhatGoesWithItMayPostToIt) {
  struct Poster {
    explicit Poster(Loop& to, std::shared_ptr<int> kept) : loop(to), held(std::move(kept)) {}
    ~Poster() {
      loop.post([held = held] {});
      loop.at_turn_end([held = held] {});
      loop.after(1ms, [held = held] {});
    }
    Loop& loop;
    std::shared_ptr<int> held;
  };
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = held;
  {
    Loop loop("loop");
    loop.post([poster = std::make_unique<Poster>(loop, held)] {});
    loop.after(1h, [poster = std::make_unique<Poster>(loop, held)] {});
    held.reset();
    loop.discard();
  }
  EXPECT_TRUE(watched.expired());
}

TEST(Loop, WhatRunsBesideItIsOnAnotherThreadAndEndsWithIt) {
  Loop loop("loop");
  loop.start();
  std::promise<bool> on_the_loop;
  asio::post(loop.beside(), [&] { on_the_loop.set_value(loop.on_this_thread()); });
  EXPECT_FALSE(ready(on_the_loop.get_future()));
  loop.stop();
  loop.join();
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = held;
  asio::post(loop.beside(), [held = std::move(held)] {});
  loop.discard();
  EXPECT_TRUE(watched.expired());
}

TEST(Loop, KnowsForHowLongItWasHeldUp) {
  Loop loop("loop");
  std::promise<Duration> busy;
  std::promise<Duration> after_sleep;
  loop.post([&] {
    loop.at_turn_end([&] {
      stall(30ms);
      loop.post([&] {
        busy.set_value(loop.found().held_up);
        loop.after(1s, [&] { after_sleep.set_value(loop.found().held_up); });
      });
    });
  });
  loop.start();
  EXPECT_GE(busy.get_future().get(), 30ms);
  EXPECT_EQ(after_sleep.get_future().get(), Duration(0));
}

TEST(Loop, KnowsItsThread) {
  Loop loop("loop");
  EXPECT_FALSE(loop.on_this_thread());
  loop.start();
  EXPECT_FALSE(loop.on_this_thread());
  EXPECT_TRUE(run_on(loop, [&] { return loop.on_this_thread(); }));
}

TEST(Loop, ClocksGoForward) {
  const Instant before = steady_now();
  EXPECT_GE(steady_now(), before);
  EXPECT_GT(wall_now().value, 1'600'000'000'000);
}

TEST(Loop, WaitsItsTurnForTheProcessorOnlyWhereAskedTo) {
  const auto policy_of = [](Wakeup wakeup) {
    Loop loop("loop", wakeup);
    int policy = -1;
    loop.start();
    run_on(loop, [&policy] { policy = sched_getscheduler(0); });
    return policy;
  };
  const int ours = sched_getscheduler(0);
  EXPECT_EQ(policy_of(Wakeup::preempts), ours);
  EXPECT_EQ(policy_of(Wakeup::queues), ours == SCHED_OTHER ? SCHED_BATCH : ours);
}

}  // namespace
}  // namespace gyre::net
