// The routing node: one process that serves Redis clients from the whole cluster, and holds no data.
#pragma once

#include "router/options.h"

namespace gyre::router {

// Runs a router until SIGINT or SIGTERM. Call from main(), before any thread is started. Returns the exit code: 0 after
// a clean stop, 3 if an address cannot be used. Errors are logged, one sentence each.
int run_router(const RouterOptions& options);

}  // namespace gyre::router
