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
  std::shared_ptr<PeerLinks> peers = std::make_shared<PeerLinks>(loop, PeerLinksOptions{}, nullptr);
  std::vector<messages::Message> told;
  LoopEnvironment environment{loop, pool, *peers,
                              [this](messages::Message message) { told.push_back(std::move(message)); }};
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

TEST_F(LoopEnvironmentTest, PassesOnWhatTheCoordinatorIsTold) {
  run_on(loop, [&] { environment.tell_coordinator(messages::Leaving{}); });
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<messages::Leaving>(told[0]));
}

TEST_F(LoopEnvironmentTest, WhatGoesToANodeThatIsNotConnectedIsLost) {
  run_on(loop, [&] {
    environment.send(NodeId("n2"), messages::Append{});
    EXPECT_EQ(environment.backlog(NodeId("n2")), 0u);
  });
}

TEST_F(LoopEnvironmentTest, ItsClocksAreTheMachines) {
  const replication::Moment first = environment.now();
  const replication::Moment second = environment.now();
  EXPECT_GE(second.steady, first.steady);
  EXPECT_LE(net::wall_now().value - first.wall.value, 10'000);
}

}  // namespace
}  // namespace gyre::node
