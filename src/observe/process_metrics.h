// What the operating system says of this process.
#pragma once

#include "base/metrics.h"

namespace gyre::observe {

// Adds process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_max_fds, process_threads
// and process_start_time_seconds; each is read when somebody looks.
void add_process_metrics(MetricsRegistry& metrics);

}  // namespace gyre::observe
