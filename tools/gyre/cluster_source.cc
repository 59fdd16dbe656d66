#include "tools/gyre/cluster_source.h"

#include <chrono>
#include <future>

#include <fmt/core.h>

#include "client/rpc.h"
#include "tools/gyre/cluster_up.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kAnswerLimit = 1000ms;  // of one process; all are asked at once

ring::ClusterMapPtr newest_map(const std::vector<std::string>& addresses) {
  std::vector<std::future<Result<messages::ResponseBody>>> answers;
  for (const auto& address : addresses) {
    answers.push_back(std::async(std::launch::async,
                                 [address] { return client::call(address, messages::MapRequest{}, kAnswerLimit); }));
  }
  ring::ClusterMapPtr newest;
  for (auto& pending : answers) {
    const auto answer = pending.get();
    const auto* given = answer ? std::get_if<messages::MapResponse>(&*answer) : nullptr;
    if (given && given->map && (!newest || given->map->epoch > newest->epoch)) newest = given->map;
  }
  return newest;
}

}  // namespace

Result<ClusterSource> find_source(const Context& context) {
  ClusterSource source;
  std::vector<std::string> addresses;
  if (context.seeds.empty()) {
    GYRE_TRY_SET(source.local, load_local_cluster(cluster_dir(context)));
    for (const auto& process : source.local->processes) addresses.push_back(process.native);
  } else {
    GYRE_TRY_SET(addresses, find_seeds(context));
  }
  source.map = newest_map(addresses);
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

Result<messages::ResponseBody> ask_coordinator(const ClusterSource& source, const messages::RequestBody& question,
                                               Duration limit) {
  auto answer = client::call_any(source.map->coordinators, question, limit);
  if (!answer && answer.error().code == ErrorCode::unavailable) {
    answer.error().message = "no coordinator answers (reads and writes go on without it): " + answer.error().message;
  }
  return answer;
}

std::vector<NodeAnswer> ask_nodes(const ring::ClusterMap& map, const messages::RequestBody& question, Duration limit) {
  std::vector<std::future<Result<messages::ResponseBody>>> pending;
  for (const auto& node : map.nodes) {
    pending.push_back(std::async(std::launch::async, [&question, &node, limit] {
      return client::call(node.addresses.native, question, limit);
    }));
  }
  std::vector<NodeAnswer> answers;
  for (std::size_t i = 0; i < map.nodes.size(); ++i) answers.emplace_back(map.nodes[i], pending[i].get());
  return answers;
}

}  // namespace gyre::cli
