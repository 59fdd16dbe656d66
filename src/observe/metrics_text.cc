#include "observe/metrics_text.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace gyre::observe {

namespace {

using namespace std::chrono_literals;
using Kind = MetricsRegistry::Kind;

constexpr Duration kBucketBounds[] = {10us, 25us, 50us,  100us, 250us, 500us, 1ms, 2500us, 5ms, 10ms,
                                      25ms, 50ms, 100ms, 250ms, 500ms, 1s,    2s,  5s,     10s};

prometheus::MetricType type_of(Kind kind) {
  switch (kind) {
    case Kind::counter: return prometheus::MetricType::Counter;
    case Kind::gauge: return prometheus::MetricType::Gauge;
    case Kind::histogram: break;
  }
  return prometheus::MetricType::Histogram;
}

prometheus::ClientMetric::Histogram sample(const LatencyHistogram& histogram) {
  prometheus::ClientMetric::Histogram out;
  // Read before the buckets: a value recorded meanwhile must not make one of them larger than the whole.
  out.sample_count = histogram.count();
  out.sample_sum = to_seconds(histogram.sum());
  for (const Duration bound : kBucketBounds) {
    out.bucket.push_back({std::min(histogram.count_up_to(bound), out.sample_count), to_seconds(bound)});
  }
  out.bucket.push_back({out.sample_count, std::numeric_limits<double>::infinity()});
  return out;
}

prometheus::ClientMetric sample(const MetricsRegistry::Metric& metric) {
  prometheus::ClientMetric out;
  for (const auto& [name, value] : metric.labels) out.label.push_back({name, value});
  switch (metric.kind) {
    case Kind::counter:
      out.counter.value = metric.read ? metric.read() : static_cast<double>(metric.counter.value());
      break;
    case Kind::gauge: out.gauge.value = metric.read ? metric.read() : static_cast<double>(metric.gauge.value()); break;
    case Kind::histogram: out.histogram = sample(*metric.histogram); break;
  }
  return out;
}

}  // namespace

std::string metrics_text(const MetricsRegistry& metrics) {
  std::map<std::string, prometheus::MetricFamily> families;
  metrics.visit([&](const MetricsRegistry::Metric& metric) {
    prometheus::MetricFamily& family = families[metric.name];
    family.name = metric.name;
    family.help = metric.help;
    family.type = type_of(metric.kind);
    family.metric.push_back(sample(metric));
  });
  std::vector<prometheus::MetricFamily> ordered;
  for (auto& [name, family] : families) ordered.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(ordered);
}

}  // namespace gyre::observe
