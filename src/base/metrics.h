// Counters that cost one relaxed increment, and a registry to read them all.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/histogram.h"

namespace gyre {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

using MetricLabels = std::map<std::string, std::string>;

// One process's metrics. Names follow Prometheus: gyre_<what>_<unit>[_total].
// THREAD: any. References given out stay valid as long as the registry.
class MetricsRegistry {
 public:
  enum class Kind : std::uint8_t { counter, gauge, histogram };
  struct Metric {
    Kind kind;
    std::string name;
    std::string help;
    MetricLabels labels;
    Counter counter;
    Gauge gauge;
    std::unique_ptr<LatencyHistogram> histogram;  // only of Kind::histogram
    std::function<double()> read;  // set: the value is asked for instead (counter or gauge)
  };

  // Asked for twice with the same name and labels, each gives the same object.
  Counter& counter(const std::string& name, const std::string& help, MetricLabels labels = {});
  Gauge& gauge(const std::string& name, const std::string& help, MetricLabels labels = {});
  LatencyHistogram& histogram(const std::string& name, const std::string& help, MetricLabels labels = {});
  // A value computed when somebody looks. `read` must be callable on any thread.
  void computed(Kind kind, const std::string& name, const std::string& help, MetricLabels labels,
                std::function<double()> read);

  void visit(const std::function<void(const Metric&)>& visitor) const;

 private:
  Metric& find_or_add(Kind kind, const std::string& name, const std::string& help, MetricLabels labels);

  mutable std::mutex mutex_;
  std::deque<Metric> metrics_;
};

}  // namespace gyre
