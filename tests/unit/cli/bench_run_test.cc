#include <gtest/gtest.h>

#include "tests/unit/cli/later_client.h"
#include "tools/gyre/bench.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

class BenchRun : public testing::Test {
 protected:
  std::unique_ptr<BenchResult> run(const BenchTargets& targets) {
    return run_bench(targets, options_, [](const BenchSecond&) {});
  }
  BenchTargets immediate() { return {make_client_target(memory_)}; }
  BenchTargets later() { return {make_client_target(std::make_shared<LaterClient>(*memory_))}; }

  BenchOptions options_{.duration = 60ms, .warmup = 0ms, .keys = 50, .connections = 2, .depth = 4};
  std::shared_ptr<MemoryClient> memory_ = std::make_shared<MemoryClient>();
};

TEST_F(BenchRun, PreloadWritesEveryKey) {
  options_.keys = 1000;
  ASSERT_TRUE(preload(later(), options_));
  EXPECT_EQ(memory_->keys.size(), 1000u);
  EXPECT_EQ(memory_->keys.begin()->second.data.size(), 100u);
}

TEST_F(BenchRun, PreloadReportsAFailure) {
  memory_->before_put = [](std::string_view) -> Result<void> { return fail(ErrorCode::unavailable, "down"); };
  EXPECT_EQ(preload(immediate(), options_).error().code, ErrorCode::unavailable);
}

TEST_F(BenchRun, ClosedLoopKeepsAllCallsOpen) {
  options_.duration = 500ms;  // enough on a machine that is busy with other things
  const auto client = std::make_shared<LaterClient>(*memory_);
  const auto result = run({make_client_target(client)});
  EXPECT_GT(result->operations(), 100u);
  EXPECT_EQ(result->errors(), 0u);
  EXPECT_LE(client->most_open(), options_.open_calls());
  EXPECT_GE(client->most_open(), options_.open_calls() - 1);  // one is being answered
  EXPECT_EQ(result->operations(), result->reads.operations() + result->writes.operations());
}

TEST_F(BenchRun, AnswersThatComeAtOnceDoNotNest) {
  const auto result = run(immediate());
  EXPECT_GT(result->operations(), 100u);
}

TEST_F(BenchRun, MissesAreNoErrors) {
  options_.read_percent = 100;
  const auto result = run(later());
  EXPECT_GT(result->reads.misses.value(), 0u);
  EXPECT_EQ(result->reads.misses.value(), result->operations());
  EXPECT_EQ(result->errors(), 0u);
}

TEST_F(BenchRun, ErrorsAreCountedByCode) {
  options_.read_percent = 0;
  memory_->before_put = [](std::string_view) -> Result<void> { return fail(ErrorCode::busy, "stall"); };
  const auto result = run(later());
  EXPECT_EQ(result->operations(), 0u);
  EXPECT_GT(result->errors(), 0u);
  EXPECT_EQ(bench_json(options_, *result)["errors_by_code"]["busy"], result->errors());
}

TEST_F(BenchRun, OpenLoopKeepsTheRate) {
  options_.rate = 2000;
  options_.duration = 200ms;
  const auto result = run(later());
  EXPECT_EQ(result->operations() + result->unsent, 400u);
  EXPECT_LT(result->unsent, 100u);
}

TEST_F(BenchRun, OpenLoopCountsTheWaitForAStalledAnswer) {
  options_ = {
      .duration = 200ms, .warmup = 0ms, .read_percent = 0, .keys = 5, .connections = 1, .depth = 1, .rate = 1000};
  bool stalled = false;
  memory_->before_put = [&](std::string_view) -> Result<void> {
    if (!std::exchange(stalled, true)) std::this_thread::sleep_for(100ms);  // the fault injected
    return {};
  };
  const auto result = run(later());
  // About half of the operations were due during the stall: the quartile shows it, not the maximum alone.
  EXPECT_GT(result->latency.quantile(0.75), 25ms);
}

}  // namespace
}  // namespace gyre::cli
