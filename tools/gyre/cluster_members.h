// `gyre cluster add-node` and `remove-node`: nodes come and go while the cluster serves.
#pragma once

#include <cstdint>
#include <string>

#include "gyre/result.h"
#include "tools/gyre/command.h"

namespace gyre::cli {

struct AddNodeOptions {
  std::string zone;
  double weight = 1.0;
  std::uint32_t count = 1;
  bool wait = false;
};

// Starts nodes of the local cluster and returns once they are admitted. On failure nothing of them is left.
// ERRORS: as cluster_up; unavailable (no coordinator runs).
Result<void> cluster_add_node(const Context& context, const AddNodeOptions& options);

struct RemoveNodeOptions {
  std::string node;
  bool force = false;
  bool wait = true;
  bool wipe = false;
};

// Has the node drained (or forgotten) and, of a local cluster, stops its process once it holds nothing.
// ERRORS: invalid_argument (no such node), condition_failed (--force on a node that runs), and the coordinator's: it
// refuses what would leave too few nodes, or lose what was acknowledged.
Result<void> cluster_remove_node(const Context& context, const RemoveNodeOptions& options);

}  // namespace gyre::cli
