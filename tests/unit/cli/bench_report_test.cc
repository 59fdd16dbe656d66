#include <gtest/gtest.h>

#include "tools/gyre/bench.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<BenchResult> some_result() {
  BenchResult one;
  for (int i = 0; i < 1000; ++i) one.reads.latency.record(100us);
  one.writes.latency.record(5ms);
  one.reads.misses.add(3);
  one.writes.errors.add(2);
  one.errors_by_code[static_cast<std::size_t>(ErrorCode::timeout)].add(2);
  auto total = std::make_unique<BenchResult>();
  total->merge(one);
  total->seconds = 2;
  return total;
}

TEST(BenchReport, JsonHasWhatToolsRelyOn) {
  const auto json = bench_json({}, *some_result());
  EXPECT_EQ(json["operations"], 1001);
  EXPECT_EQ(json["errors"], 2);
  EXPECT_DOUBLE_EQ(json["throughput"], 500.5);
  EXPECT_NEAR(json["latency_us"]["p50"].get<double>(), 100, 2);
  EXPECT_NEAR(json["latency_us"]["max"].get<double>(), 5000, 80);
  for (const auto* name : {"p99", "p999"}) EXPECT_TRUE(json["latency_us"].contains(name));
  EXPECT_EQ(json["reads"]["misses"], 3);
  EXPECT_EQ(json["errors_by_code"]["timeout"], 2);
  EXPECT_EQ(json["settings"]["distribution"], "uniform");
}

TEST(BenchReport, TextNamesMissesAndErrors) {
  const auto text = bench_text({}, *some_result());
  EXPECT_NE(text.find("500 operations/s"), std::string::npos);
  EXPECT_NE(text.find("3 reads found no value"), std::string::npos);
  EXPECT_NE(text.find("2 errors: timeout 2"), std::string::npos);
}

TEST(BenchReport, NothingMeasuredIsNoDivisionByZero) {
  const BenchResult empty;
  EXPECT_EQ(bench_json({}, empty)["throughput"], 0.0);
}

}  // namespace
}  // namespace gyre::cli
