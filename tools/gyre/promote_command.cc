// `gyre promote`: an operator makes a node primary where the coordinator may not decide by itself.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>

#include <unistd.h>

#include <fmt/core.h>

#include "tools/gyre/cluster_source.h"
#include "tools/gyre/promote_plan.h"
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

// ERRORS: unavailable (the node to promote does not answer).
Result<Holdings> ask_holdings(const ring::ClusterMap& map, const NodeId& node, Duration limit) {
  Holdings holdings;
  for (const auto& [info, answer] : ask_nodes(map, messages::PartitionsRequest{}, limit)) {
    if (!answer && info.id == node) return fail(answer.error());
    const auto* response = answer ? std::get_if<messages::PartitionsResponse>(&*answer) : nullptr;
    if (response == nullptr) continue;
    for (const auto& status : response->partitions) {
      if (status.serving) holdings.served.insert(status.partition);
      if (info.id == node) holdings.positions.emplace(status.partition, status.position);
    }
  }
  return holdings;
}

void print_costs(const std::vector<std::string>& costs) {
  constexpr std::size_t kShown = 20;
  for (std::size_t i = 0; i < std::min(costs.size(), kShown); ++i) fmt::print(stderr, "  {}\n", costs[i]);
  if (costs.size() > kShown) fmt::print(stderr, "  ... and {} more\n", costs.size() - kShown);
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

Result<messages::PromoteRequest> request_of(const PromoteOptions& options, std::vector<PartitionId> partitions) {
  messages::PromoteRequest request{
      .node = NodeId(options.node), .partitions = {}, .unclean = options.unclean, .stopped = {}};
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
  if (source.map->find_node(node) == nullptr) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("there is no node {}: `gyre cluster status` lists them", node.str()));
  }
  GYRE_TRY_SET(const Holdings holdings, ask_holdings(*source.map, node, context.deadline));
  GYRE_TRY_SET(auto partitions, partitions_to_promote(*source.map, node, options.partitions, holdings));
  if (options.unclean) {
    print_costs(costs_of_promotion(*source.map, node, partitions, holdings));
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
    print_line(
        fmt::format("{} was made primary of {} partition{}.", node.str(), list.size(), list.size() == 1 ? "" : "s"));
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
  command
      ->add_option("--stopped", options->stopped,
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
