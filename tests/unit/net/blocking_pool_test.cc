#include "net/blocking_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>

#include <gtest/gtest.h>

#include "base/limits.h"

namespace gyre::net {
namespace {

using namespace std::chrono_literals;

TEST(BlockingPool, RunsAJobOnAnotherThread) {
  BlockingPool pool("pool", 1);
  std::promise<std::thread::id> ran;
  ASSERT_TRUE(pool.submit([&] { ran.set_value(std::this_thread::get_id()); }));
  EXPECT_NE(ran.get_future().get(), std::this_thread::get_id());
}

TEST(BlockingPool, OneThreadKeepsTheOrder) {
  std::vector<int> order;
  {
    BlockingPool pool("pool", 1);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.submit([&order, i] { order.push_back(i); }));
  }
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(BlockingPool, ABlockedJobDoesNotHoldUpOtherThreads) {
  std::promise<void> release;
  BlockingPool pool("pool", 2);
  ASSERT_TRUE(pool.submit([blocked = release.get_future()] { blocked.wait(); }));
  std::promise<void> second;
  ASSERT_TRUE(pool.submit([&] { second.set_value(); }));
  EXPECT_EQ(second.get_future().wait_for(10s), std::future_status::ready);
  release.set_value();
}

TEST(BlockingPool, IsBusyWhenTooManyJobsWaitAndAcceptsAgainLater) {
  std::promise<void> release;
  std::promise<void> begun;
  std::atomic<std::size_t> ran = 0;
  BlockingPool pool("pool", 1);
  ASSERT_TRUE(pool.submit([&, blocked = release.get_future()] {
    begun.set_value();
    blocked.wait();
  }));
  begun.get_future().wait();
  for (std::size_t i = 0; i < limits::kPoolJobsMax; ++i) ASSERT_TRUE(pool.submit([&] { ++ran; }));
  const auto refused = pool.submit([&] { ran += 1'000'000; });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_GT(refused.error().retry_after, 0ms);

  std::promise<void> drained;
  release.set_value();
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!pool.submit([&] { drained.set_value(); })) {
    ASSERT_LT(std::chrono::steady_clock::now(), until);
    std::this_thread::yield();
  }
  drained.get_future().wait();
  EXPECT_EQ(ran, limits::kPoolJobsMax);
}

TEST(BlockingPool, FinishesWhatWasSubmittedBeforeItGoes) {
  std::atomic<int> ran = 0;
  {
    BlockingPool pool("pool", 3);
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(pool.submit([&] { ++ran; }));
  }
  EXPECT_EQ(ran, 1000);
}

TEST(BlockingPool, LetsGoOfAJobOnceItRan) {
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = held;
  {
    BlockingPool pool("pool", 1);
    ASSERT_TRUE(pool.submit([held = std::move(held)] {}));
  }
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace gyre::net
