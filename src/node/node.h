// The storage node: one process that holds partitions and serves them.
#pragma once

#include "node/options.h"

namespace gyre::node {

// Runs a node until SIGINT or SIGTERM, or until it cannot go on. Call from main(), before any thread is started.
// Returns the exit code: 0 after a clean stop, 1 if the node was refused by the cluster or its storage failed to open,
// 3 if an address cannot be used. Errors are logged, one sentence each.
int run_node(const NodeOptions& options);

}  // namespace gyre::node
