// Where commands learn about a cluster: its map, and direct questions to its processes.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>
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

// Of one process; all are asked at once.
inline constexpr Duration kSourceAnswerLimit = std::chrono::milliseconds(1000);

// ERRORS: unavailable (no local cluster), invalid_argument (--seeds).
Result<ClusterSource> find_source(const Context& context, Duration limit = kSourceAnswerLimit);
// The same, but somebody must have answered. ERRORS: also unavailable.
Result<ClusterSource> find_answering_source(const Context& context);
// What to do where nobody answers.
Error nothing_answers(const ClusterSource& source);

// A node of the map by what a person typed. ERRORS: invalid_argument (none is called so; names the nearest).
Result<NodeId> find_node_id(const ring::ClusterMap& map, const std::string& name);

// Asks the coordinator. ERRORS: the answer's; unavailable.
Result<messages::ResponseBody> ask_coordinator(const ClusterSource& source, const messages::RequestBody& question,
                                               Duration limit);
// The same, for an answer of this type. ERRORS: also unsupported.
template <class Answer>
Result<Answer> ask_coordinator_for(const ClusterSource& source, const messages::RequestBody& question, Duration limit) {
  GYRE_TRY_SET(auto answer, ask_coordinator(source, question, limit));
  if (auto* wanted = std::get_if<Answer>(&answer)) return std::move(*wanted);
  return fail(ErrorCode::unsupported, "the coordinator does not know this question: it is of an older version");
}

using NodeAnswer = std::pair<ring::NodeInfo, Result<messages::ResponseBody>>;
// Asks every one of `nodes` at once; one answer for each, in their order.
std::vector<NodeAnswer> ask_nodes(const std::vector<ring::NodeInfo>& nodes, const messages::RequestBody& question,
                                  Duration limit);
// The same for every node of the map.
std::vector<NodeAnswer> ask_nodes(const ring::ClusterMap& map, const messages::RequestBody& question, Duration limit);

}  // namespace gyre::cli
