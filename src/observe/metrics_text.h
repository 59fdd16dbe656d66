// A metrics registry in Prometheus' text format.
#pragma once

#include <string>

#include "base/metrics.h"

namespace gyre::observe {

// Histograms are in seconds, with fixed buckets from 10 us to 10 s.
std::string metrics_text(const MetricsRegistry& metrics);

}  // namespace gyre::observe
