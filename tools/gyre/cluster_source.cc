#include "tools/gyre/cluster_source.h"

#include <future>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "client/rpc.h"
#include "tools/gyre/cluster_up.h"
#include "tools/gyre/encoding.h"
#include "tools/gyre/suggest.h"

namespace gyre::cli {
namespace {

ring::ClusterMapPtr newest_map(const std::vector<std::string>& addresses, Duration limit) {
  std::vector<std::future<Result<messages::ResponseBody>>> answers;
  for (const auto& address : addresses) {
    answers.push_back(std::async(std::launch::async,
                                 [address, limit] { return client::call(address, messages::MapRequest{}, limit); }));
  }
  ring::ClusterMapPtr newest;
  for (auto& pending : answers) {
    const auto answer = pending.get();
    const auto* given = answer ? std::get_if<messages::MapResponse>(&*answer) : nullptr;
    if (given == nullptr || !given->update.map) continue;  // who knows no map is told a whole one
    if (!newest || given->update.map->epoch > newest->epoch) newest = given->update.map;
  }
  return newest;
}

bool is_silence(const Error& error) { return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout; }

}  // namespace

Result<ClusterSource> find_source(const Context& context, Duration limit) {
  ClusterSource source;
  std::vector<std::string> addresses;
  if (context.seeds.empty()) {
    GYRE_TRY_SET(source.local, load_local_cluster(cluster_dir(context)));
    for (const auto& process : source.local->processes) {
      if (process.has_peers()) addresses.push_back(process.native);
    }
  } else {
    GYRE_TRY_SET(addresses, find_seeds(context));
  }
  source.map = newest_map(addresses, limit);
  return source;
}

Result<ClusterSource> find_answering_source(const Context& context) {
  GYRE_TRY_SET(ClusterSource source, find_source(context));
  if (!source.map) return fail(nothing_answers(source));
  return source;
}

Error nothing_answers(const ClusterSource& source) {
  if (source.local) {
    return {ErrorCode::unavailable,
            {},
            fmt::format("nothing answers in the cluster in {}: start it with `gyre cluster up`",
                        source.local->dir.string()),
            {}};
  }
  return {ErrorCode::unavailable, {}, "none of the addresses of --seeds answers: is the cluster up?", {}};
}

Result<NodeId> find_node_id(const ring::ClusterMap& map, const std::string& name) {
  std::vector<std::string> ids;
  for (const auto& node : map.nodes) {
    if (node.id.str() == name) return node.id;
    ids.push_back(node.id.str());
  }
  const std::string suggestion = nearest(name, ids);
  return fail(ErrorCode::invalid_argument,
              fmt::format("there is no node '{}' in this cluster: {}", printable(name).substr(0, 80),
                          suggestion.empty() ? fmt::format("it has {}", fmt::join(ids, ", "))
                                             : fmt::format("did you mean '{}'?", suggestion)));
}

Result<messages::ResponseBody> ask_coordinator(const ClusterSource& source, const messages::RequestBody& question,
                                               Duration limit) {
  const auto& coordinators = source.map->coordinators;
  // What the only coordinator there is refuses needs no address in front.
  auto answer = coordinators.size() == 1 ? client::call(coordinators.front(), question, limit)
                                         : client::call_any(coordinators, question, limit);
  if (!answer && is_silence(answer.error())) {
    answer.error().message = "no coordinator answers (reads and writes go on without it): " + answer.error().message;
  }
  return answer;
}

std::vector<NodeAnswer> ask_nodes(const std::vector<ring::NodeInfo>& nodes, const messages::RequestBody& question,
                                  Duration limit) {
  std::vector<std::future<Result<messages::ResponseBody>>> pending;
  for (const auto& node : nodes) {
    pending.push_back(std::async(std::launch::async, [&question, &node, limit] {
      return client::call(node.addresses.native, question, limit);
    }));
  }
  std::vector<NodeAnswer> answers;
  for (std::size_t i = 0; i < nodes.size(); ++i) answers.emplace_back(nodes[i], pending[i].get());
  return answers;
}

std::vector<NodeAnswer> ask_nodes(const ring::ClusterMap& map, const messages::RequestBody& question, Duration limit) {
  return ask_nodes(map.nodes, question, limit);
}

}  // namespace gyre::cli
