// What a cluster looks like now: the newest map anybody gives, and the state of every process.
#pragma once

#include "gyre/result.h"
#include "tools/gyre/command.h"

namespace gyre::cli {

// Of the cluster of --seeds, else of the local one. Printed even when the cluster is degraded.
// ERRORS: unavailable (nothing answers; printed first where there is something to print), not_found.
Result<void> cluster_status(const Context& context);

// Who serves each partition. ERRORS: unavailable, not_found.
Result<void> cluster_partitions(const Context& context);

}  // namespace gyre::cli
