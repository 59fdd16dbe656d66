// Starting: a new local cluster, one that was down, single processes of it.
#pragma once

#include <string>
#include <vector>

#include "gyre/result.h"
#include "tools/gyre/command.h"
#include "tools/gyre/local_cluster.h"

namespace gyre::cli {

// --dir, else the default directory; absolute.
std::filesystem::path cluster_dir(const Context& context);

// Creates the cluster in the directory, or brings back the one that is there; returns when every process is ready, or
// at least runs (what is not in sync everywhere for long is named).
// On failure nothing that this call started or created is left.
// ERRORS: invalid_argument (flags out of range, or not those the cluster was created with), unavailable (a port is
// taken, or a process ended or was not ready in time: the end of its log is printed), storage_failed.
Result<void> cluster_up(const Context& context, const LayoutOptions& options);

// Starts those of `processes` that are down and resumes the paused ones. Waits until they are ready, unless no
// coordinator runs that could admit them; a node that runs and is not in sync everywhere for long is left so and named.
Result<void> cluster_start(const Context& context, const LocalCluster& cluster,
                           const std::vector<const LocalProcess*>& processes);
// The same for one step of a rolling restart: ERRORS also unavailable, if it is not ready in the end (but left
// running).
Result<void> cluster_start_ready(const Context& context, const LocalCluster& cluster, const LocalProcess& process);
// Starts and resumes them, and does not wait for anything.
Result<void> cluster_launch(const Context& context, const LocalCluster& cluster,
                            const std::vector<const LocalProcess*>& processes);

}  // namespace gyre::cli
