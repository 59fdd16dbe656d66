#include "base/metrics.h"

#include <map>

#include <gtest/gtest.h>

namespace gyre {
namespace {

TEST(Metrics, TheSameNameAndLabelsGiveTheSameObject) {
  MetricsRegistry registry;
  Counter& counter = registry.counter("gyre_reads_total", "Reads.", {{"result", "ok"}});
  counter.add();
  registry.counter("gyre_reads_total", "Reads.", {{"result", "ok"}}).add(2);
  EXPECT_EQ(counter.value(), 3u);
  EXPECT_EQ(registry.counter("gyre_reads_total", "Reads.", {{"result", "error"}}).value(), 0u);
}

TEST(Metrics, ReferencesStayValidAsTheRegistryGrows) {
  MetricsRegistry registry;
  Gauge& first = registry.gauge("gyre_first", "First.");
  for (int i = 0; i < 1000; ++i) registry.gauge("gyre_more", "More.", {{"i", std::to_string(i)}});
  first.set(5);
  first.add(-7);
  EXPECT_EQ(registry.gauge("gyre_first", "First.").value(), -2);
}

TEST(Metrics, AVisitorSeesEverything) {
  MetricsRegistry registry;
  registry.counter("gyre_a_total", "A.").add(4);
  registry.gauge("gyre_b", "B.").set(-1);
  registry.histogram("gyre_c_seconds", "C.").record(std::chrono::microseconds(3));
  double reading = 1.5;
  registry.computed(MetricsRegistry::Kind::gauge, "gyre_d", "D.", {}, [&] { return reading; });
  reading = 2.5;

  std::map<std::string, double> seen;
  registry.visit([&](const MetricsRegistry::Metric& metric) {
    switch (metric.kind) {
      case MetricsRegistry::Kind::counter: seen[metric.name] = static_cast<double>(metric.counter.value()); break;
      case MetricsRegistry::Kind::gauge:
        seen[metric.name] = metric.read ? metric.read() : static_cast<double>(metric.gauge.value());
        break;
      case MetricsRegistry::Kind::histogram: seen[metric.name] = static_cast<double>(metric.histogram->count()); break;
    }
  });
  const std::map<std::string, double> expected = {
      {"gyre_a_total", 4}, {"gyre_b", -1}, {"gyre_c_seconds", 1}, {"gyre_d", 2.5}};
  EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace gyre
