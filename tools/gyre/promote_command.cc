// `gyre promote`: an operator makes a node primary where the coordinator may not decide by itself.
#include <cstdio>
#include <iostream>
#include <map>
#include <string>

#include <unistd.h>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "base/limits.h"
#include "client/rpc.h"
#include "tools/gyre/cluster_source.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

struct PromoteOptions {
  std::string node;
  std::vector<std::uint32_t> partitions;
  std::vector<std::string> stopped;
  bool unclean = false;
  bool yes = false;
};

// By partition, what the node holds. ERRORS: unavailable (it does not answer).
Result<std::map<PartitionId, messages::PartitionStatus>> holdings(const ring::NodeInfo& node, Duration limit) {
  GYRE_TRY_SET(auto answer, client::call(node.addresses.native, messages::PartitionsRequest{}, limit));
  std::map<PartitionId, messages::PartitionStatus> held;
  if (auto* response = std::get_if<messages::PartitionsResponse>(&answer)) {
    for (auto& status : response->partitions) held.emplace(status.partition, std::move(status));
  }
  return held;
}

// What it may cost, partition by partition: only those in which the node may lack acknowledged writes.
void print_cost(const ring::ClusterMap& map, const NodeId& node,
                const std::map<PartitionId, messages::PartitionStatus>& held,
                const std::vector<PartitionId>& partitions) {
  constexpr std::size_t kShown = 20;
  std::size_t unclean = 0;
  for (const PartitionId partition : partitions) {
    const ring::PartitionEntry& entry = map.entry(partition);
    if (entry.find_in_sync(node) != nullptr || ++unclean > kShown) continue;
    const auto status = held.find(partition);
    std::vector<std::string> in_sync;
    for (const auto& member : entry.in_sync) in_sync.push_back(member.node.str());
    fmt::print(stderr, "  partition {}: {} has {}; {} may hold acknowledged writes behind that, which would be lost\n",
               partition.value(), node.str(),
               status == held.end() ? "nothing" : "everything up to " + to_string(status->second.position),
               fmt::join(in_sync, ", "));
  }
  if (unclean > kShown) fmt::print(stderr, "  ... and {} more\n", unclean - kShown);
}

Result<void> confirm(const PromoteOptions& options) {
  if (options.yes) return {};
  if (isatty(STDIN_FILENO) != 1) {
    return fail(ErrorCode::invalid_argument, "this may lose acknowledged writes: repeat with --yes if that is meant");
  }
  fmt::print(stderr, "What the others hold goes to their loss ledgers when they return. Go on? [y/N] ");
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return {};
  return fail(ErrorCode::condition_failed, "nothing was changed");
}

Result<std::vector<PartitionId>> chosen_partitions(const ring::ClusterMap& map, const NodeId& node,
                                                   const std::vector<std::uint32_t>& wanted) {
  std::vector<PartitionId> partitions;
  for (const std::uint32_t number : wanted) {
    if (number >= map.shape.partitions) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("there is no partition {}: the cluster has {}", number, map.shape.partitions));
    }
    const PartitionId partition(static_cast<std::uint16_t>(number));
    if (!map.entry(partition).has_member(node)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} is no member of partition {}: `gyre cluster partitions` shows who is", node.str(),
                              number));
    }
    partitions.push_back(partition);
  }
  if (!wanted.empty()) return partitions;
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    if (map.entries[i].has_member(node) && map.entries[i].primary != node) partitions.push_back(partition);
  }
  return partitions;
}

Result<messages::PromoteRequest> request_of(const PromoteOptions& options, std::vector<PartitionId> partitions) {
  messages::PromoteRequest request{.node = NodeId(options.node),
                                   .partitions = {},
                                   .unclean = options.unclean,
                                   .stopped = {}};
  if (!options.partitions.empty()) request.partitions = std::move(partitions);
  for (const std::string& name : options.stopped) {
    GYRE_TRY_SET(const NodeId node, NodeId::parse(name));
    request.stopped.push_back(node);
  }
  return request;
}

Result<void> promote(const Context& context, const PromoteOptions& options) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  GYRE_TRY_SET(const NodeId node, NodeId::parse(options.node));
  const ring::NodeInfo* info = source.map->find_node(node);
  if (info == nullptr) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("there is no node {}: `gyre cluster status` lists them", node.str()));
  }
  GYRE_TRY_SET(auto partitions, chosen_partitions(*source.map, node, options.partitions));
  if (options.unclean) {
    GYRE_TRY_SET(const auto held, holdings(*info, context.deadline));
    print_cost(*source.map, node, held, partitions);
    GYRE_TRY(confirm(options));
  }
  GYRE_TRY_SET(auto request, request_of(options, std::move(partitions)));
  GYRE_TRY_SET(auto answer, ask_coordinator(source, request, context.deadline));
  const auto* done = std::get_if<messages::PromoteResponse>(&answer);
  if (done == nullptr) return fail(ErrorCode::unsupported, "the coordinator cannot promote: it is of an older version");
  Json list = Json::array();
  for (const PartitionId partition : done->partitions) list.push_back(partition.value());
  if (context.json) {
    print_json({{"node", node.str()}, {"partitions", list}});
  } else {
    print_line(fmt::format("{} is now primary of {} partitions more.", node.str(), list.size()));
  }
  return {};
}

}  // namespace

void add_promote_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("promote", "Make a node primary where nobody else can be");
  auto options = std::make_shared<PromoteOptions>();
  command->add_option("node", options->node, "The node to promote, such as n2")->required();
  command->add_option("--partition", options->partitions, "Only these [all that have no primary able to serve]")
      ->delimiter(',')
      ->type_name("N,...");
  command->add_flag("--unclean", options->unclean,
                    "Also where the node is not in sync: acknowledged writes that it lacks are lost");
  command->add_option("--stopped", options->stopped,
                      "Your word that these nodes are stopped and stay so until they are started anew")
      ->delimiter(',')
      ->type_name("NODE,...");
  command->add_flag("--yes", options->yes, "Do not ask");
  command->footer(R"(
A failover among members in sync needs no operator. This is for the case that none of them will come back, or that the
last one is known to be stopped but cannot be reached to prove it. What a returning member then holds alone goes to the
loss ledger: `gyre lost list`.)");
  on_chosen(command, context, [&context, options] { return promote(context, *options); });
}

}  // namespace gyre::cli
