#include "node/loop_environment.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/log.h"
#include "support.h"

namespace gyre::node {
namespace {

class LoopEnvironmentTest : public testing::Test {
 protected:
  LoopEnvironmentTest() {
    spdlog::set_level(spdlog::level::off);
    loop.start();
  }
  ~LoopEnvironmentTest() override {
    loop.stop();
    loop.join();
  }

  net::Loop loop{"loop"};
  net::BlockingPool pool{"pool", 1};
  LoopEnvironment environment{loop, pool};
};

TEST_F(LoopEnvironmentTest, WorksInThePoolAndReportsOnTheLoop) {
  std::promise<bool> worked_on_loop;
  std::promise<bool> done_on_loop;
  run_on(loop, [&] {
    EXPECT_TRUE(environment.run_blocking([&] { worked_on_loop.set_value(loop.on_this_thread()); },
                                         [&] { done_on_loop.set_value(loop.on_this_thread()); }));
  });
  EXPECT_FALSE(ready(worked_on_loop.get_future()));
  EXPECT_TRUE(ready(done_on_loop.get_future()));
}

TEST_F(LoopEnvironmentTest, SaysBusyWhenThePoolIsFullAndRunsNeither) {
  std::promise<void> begun;
  std::promise<void> release;
  const auto nothing = [] {};
  ASSERT_TRUE(environment.run_blocking(
      [&, blocked = release.get_future()] {
        begun.set_value();
        blocked.wait();
      },
      nothing));
  ready(begun.get_future());
  for (std::size_t i = 0; i < limits::kPoolJobsMax; ++i) ASSERT_TRUE(environment.run_blocking(nothing, nothing));
  bool ran = false;
  const auto refused = environment.run_blocking([&] { ran = true; }, [&] { ran = true; });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  release.set_value();
  EXPECT_FALSE(ran);
}

TEST_F(LoopEnvironmentTest, CountsThePartitionsServed) {
  environment.trace(PartitionId(1), {Term(1), true, "appointed"});
  environment.trace(PartitionId(2), {Term(1), true, "appointed"});
  EXPECT_EQ(environment.serving(), 2u);
  environment.trace(PartitionId(1), {Term(1), false, "moved"});
  EXPECT_EQ(environment.serving(), 1u);
}

TEST_F(LoopEnvironmentTest, ItsClocksAreTheMachines) {
  const replication::Moment first = environment.now();
  const replication::Moment second = environment.now();
  EXPECT_GE(second.steady, first.steady);
  EXPECT_LE(net::wall_now().value - first.wall.value, 10'000);
}

}  // namespace
}  // namespace gyre::node
