// What is counted of one member.
#pragma once

#include "base/ids.h"
#include "base/metrics.h"

namespace gyre::routing {

// Shared by all dispatchers that count in the same registry. Answers of reads alone tell a latency: a write waits for
// as many members as its caller chose.
struct PeerMetrics {
  PeerMetrics(MetricsRegistry& registry, const NodeId& member)
      : requests(registry.counter("gyre_member_requests_total", "Requests sent to a member", labels(member))),
        errors(registry.counter("gyre_member_errors_total", "Requests that a member refused, failed or did not answer",
                                labels(member))),
        hedges(registry.counter("gyre_member_hedges_total", "Reads sent to a member because another was slow",
                                labels(member))),
        outstanding(
            registry.gauge("gyre_member_requests_open", "Requests that a member has not answered yet", labels(member))),
        breakers_open(registry.gauge("gyre_member_breakers_open", "Loops that hold a member for down", labels(member))),
        latency(registry.histogram("gyre_member_read_seconds", "Time from a read's sending to its answer",
                                   labels(member))) {}

  Counter& requests;
  Counter& errors;
  Counter& hedges;
  Gauge& outstanding;
  Gauge& breakers_open;
  LatencyHistogram& latency;

 private:
  static MetricLabels labels(const NodeId& member) { return {{"member", member.str()}}; }
};

}  // namespace gyre::routing
