// Where commands learn about a cluster: its map, and direct questions to its processes.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/request.h"
#include "tools/gyre/command.h"
#include "tools/gyre/local_cluster.h"

namespace gyre::cli {

// What the cluster of a context says of itself.
struct ClusterSource {
  std::optional<LocalCluster> local;  // its layout, where --seeds names no other
  ring::ClusterMapPtr map;            // the newest that any process gives; null: none answers
};

// ERRORS: unavailable (no local cluster), invalid_argument (--seeds).
Result<ClusterSource> find_source(const Context& context);
// The same, but somebody must have answered. ERRORS: also unavailable.
Result<ClusterSource> find_answering_source(const Context& context);
// What to do where nobody answers.
Error nothing_answers(const ClusterSource& source);

// Asks the coordinator. ERRORS: the answer's; unavailable.
Result<messages::ResponseBody> ask_coordinator(const ClusterSource& source, const messages::RequestBody& question,
                                               Duration limit);

using NodeAnswer = std::pair<ring::NodeInfo, Result<messages::ResponseBody>>;
// Asks every node of the map at once; one answer for each, in the map's order.
std::vector<NodeAnswer> ask_nodes(const ring::ClusterMap& map, const messages::RequestBody& question, Duration limit);

}  // namespace gyre::cli
