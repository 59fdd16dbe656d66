#include "observe/metrics_text.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observe/process_metrics.h"

namespace gyre::observe {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

TEST(MetricsText, ShowsCountersAndGaugesWithTheirLabels) {
  MetricsRegistry metrics;
  metrics.counter("gyre_requests_total", "Requests", {{"kind", "get"}}).add(3);
  metrics.counter("gyre_requests_total", "Requests", {{"kind", "put"}}).add(4);
  metrics.gauge("gyre_depth", "Depth").set(-2);
  metrics.computed(MetricsRegistry::Kind::gauge, "gyre_computed", "Computed", {}, [] { return 1.5; });
  const std::string text = metrics_text(metrics);
  EXPECT_THAT(text, HasSubstr("# TYPE gyre_requests_total counter\n"
                              "gyre_requests_total{kind=\"get\"} 3\n"
                              "gyre_requests_total{kind=\"put\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("\ngyre_depth -2\n"));
  EXPECT_THAT(text, HasSubstr("\ngyre_computed 1.5\n"));
}

TEST(MetricsText, EscapesLabelValues) {
  MetricsRegistry metrics;
  metrics.counter("gyre_x_total", "X", {{"who", "a\"b\\c\nd"}}).add();
  EXPECT_THAT(metrics_text(metrics), HasSubstr(R"(who="a\"b\\c\nd")"));
}

TEST(MetricsText, ShowsHistogramsInSecondsWithGrowingBuckets) {
  MetricsRegistry metrics;
  LatencyHistogram& histogram = metrics.histogram("gyre_get_seconds", "Gets");
  histogram.record(20us);
  histogram.record(3ms);
  histogram.record(60s);
  const std::string text = metrics_text(metrics);
  EXPECT_THAT(text, HasSubstr("gyre_get_seconds_count 3\n"));
  EXPECT_THAT(text, HasSubstr("gyre_get_seconds_bucket{le=\"1e-05\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("gyre_get_seconds_bucket{le=\"0.001\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("gyre_get_seconds_bucket{le=\"10\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("gyre_get_seconds_bucket{le=\"+Inf\"} 3\n"));
}

TEST(ProcessMetrics, ShowWhatTheProcessUses) {
  MetricsRegistry metrics;
  add_process_metrics(metrics);
  const std::string text = metrics_text(metrics);
  for (const char* name : {"process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_threads",
                           "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + name + " "));
    EXPECT_THAT(text, Not(HasSubstr(std::string("\n") + name + " 0\n")));
  }
  EXPECT_THAT(text, HasSubstr("process_cpu_seconds_total"));
}

}  // namespace
}  // namespace gyre::observe
