// The options of each role of gyred: names, help, limits, and the rules between them.
#pragma once

#include "coordinator/options.h"
#include "node/options.h"
#include "router/options.h"
#include "tools/gyred/option_set.h"

namespace gyre::daemon {

// `options` must outlive the set.
OptionSet describe(node::NodeOptions& options);
OptionSet describe(coordinator::CoordinatorOptions& options);
OptionSet describe(router::RouterOptions& options);

// Fills in what follows from other options, and checks what one option alone cannot.
// ERRORS: invalid_argument, one sentence that names the options.
Result<void> complete(node::NodeOptions& options);
Result<void> complete(coordinator::CoordinatorOptions& options);
Result<void> complete(router::RouterOptions& options);

}  // namespace gyre::daemon
