#include "base/metrics.h"

#include <utility>

#include "base/assert.h"

namespace gyre {

MetricsRegistry::Metric& MetricsRegistry::find_or_add(Kind kind, const std::string& name, const std::string& help,
                                                      MetricLabels labels) {
  const std::lock_guard lock(mutex_);
  for (Metric& metric : metrics_) {
    if (metric.name != name || metric.labels != labels) continue;
    GYRE_ASSERT(metric.kind == kind);
    return metric;
  }
  Metric& metric = metrics_.emplace_back();
  metric.kind = kind;
  if (kind == Kind::histogram) metric.histogram = std::make_unique<LatencyHistogram>();
  metric.name = name;
  metric.help = help;
  metric.labels = std::move(labels);
  return metric;
}

Counter& MetricsRegistry::counter(const std::string& name, const std::string& help, MetricLabels labels) {
  return find_or_add(Kind::counter, name, help, std::move(labels)).counter;
}

Gauge& MetricsRegistry::gauge(const std::string& name, const std::string& help, MetricLabels labels) {
  return find_or_add(Kind::gauge, name, help, std::move(labels)).gauge;
}

LatencyHistogram& MetricsRegistry::histogram(const std::string& name, const std::string& help, MetricLabels labels) {
  return *find_or_add(Kind::histogram, name, help, std::move(labels)).histogram;
}

void MetricsRegistry::computed(Kind kind, const std::string& name, const std::string& help, MetricLabels labels,
                               std::function<double()> read) {
  GYRE_ASSERT(kind != Kind::histogram);
  find_or_add(kind, name, help, std::move(labels)).read = std::move(read);
}

void MetricsRegistry::visit(const std::function<void(const Metric&)>& visitor) const {
  const std::lock_guard lock(mutex_);
  for (const Metric& metric : metrics_) visitor(metric);
}

}  // namespace gyre
