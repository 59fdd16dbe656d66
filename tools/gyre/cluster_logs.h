// The log of one process of a local cluster.
#pragma once

#include <cstddef>

#include "gyre/result.h"
#include "tools/gyre/command.h"
#include "tools/gyre/local_cluster.h"

namespace gyre::cli {

struct LogOptions {
  std::size_t lines = 50;  // from the end
  bool follow = false;     // go on until interrupted
};

// Prints lines as they are, or with --json one {"id","line"} for each. ERRORS: not_found (it never ran).
Result<void> cluster_logs(const Context& context, const LocalCluster& cluster, const LocalProcess& process,
                          const LogOptions& options);

}  // namespace gyre::cli
