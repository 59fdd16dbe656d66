// `gyre node`: what operators set of one node.
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/limits.h"
#include "tools/gyre/cluster_processes.h"
#include "tools/gyre/cluster_source.h"
#include "tools/gyre/moves_follow.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

using messages::NodeSetRequest;

struct NodeOptions {
  std::string node;
  std::optional<double> weight;
  std::optional<std::string> zone;
  bool wait = false;
};

// The layout of a local cluster says the same, so that the node's process is started with it.
Result<void> update_layout(const ClusterSource& source, const NodeOptions& options) {
  if (!source.local || (!options.weight && !options.zone)) return {};
  GYRE_TRY_SET(const OwnedFd lock, lock_cluster(source.local->dir));
  GYRE_TRY_SET(LocalCluster cluster, load_local_cluster(source.local->dir));
  LocalProcess* process = cluster.find_or_null(options.node);
  if (process == nullptr) return {};  // started by hand
  if (options.weight) process->weight = *options.weight;
  if (options.zone) process->zone = *options.zone;
  return save_local_cluster(cluster);
}

Json node_set_json(const NodeOptions& options, std::string_view action, Epoch epoch, const Aftermath& after) {
  Json json{{"node", options.node}, {"action", action}};
  if (options.weight) json["weight"] = *options.weight;
  if (options.zone) json["zone"] = *options.zone;
  json["epoch"] = epoch.value();
  json["moves"] = after.moves;
  json["bytes"] = after.bytes;
  return json;
}

Result<void> change(const Context& context, const NodeOptions& options, NodeSetRequest::Action action,
                    std::string_view name, const std::string& sentence) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  GYRE_TRY_SET(const NodeId node, find_node_id(*source.map, options.node));
  NodeSetRequest request{.node = node, .weight = options.weight, .zone = options.zone, .action = action};
  GYRE_TRY_SET(const auto done, ask_coordinator_for<messages::SetResponse>(source, request, context.deadline));
  GYRE_TRY(update_layout(source, options));
  if (!context.json) print_line(sentence);
  GYRE_TRY_SET(const Aftermath after, see_aftermath(context, source, options.wait));
  if (context.json) {
    print_json(node_set_json(options, name, done.epoch, after));
  } else {
    print_line(after.sentence);
  }
  return {};
}

Result<void> set(const Context& context, const NodeOptions& options) {
  if (!options.weight && !options.zone) {
    return fail(ErrorCode::invalid_argument, "say what to set: --weight W, --zone Z, or both");
  }
  if (options.weight && !(*options.weight > 0 && *options.weight <= limits::kWeightMax)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--weight {} is out of range: use a number above 0, at most {}", *options.weight,
                            limits::kWeightMax));
  }
  std::string what;
  if (options.weight) what = fmt::format("weight {}", *options.weight);
  if (options.zone) {
    what +=
        fmt::format("{}{}", what.empty() ? "" : " and ", options.zone->empty() ? "no zone" : "zone " + *options.zone);
  }
  return change(context, options, NodeSetRequest::Action::none, "set",
                fmt::format("{} has {} now.", options.node, what));
}

// `gyre node NAME NODE [--wait]`
std::shared_ptr<NodeOptions> add_common(CLI::App* command) {
  auto options = std::make_shared<NodeOptions>();
  command->add_option("node", options->node, "The node, such as n2")->required();
  command->add_flag("--wait", options->wait, "Wait until nothing moves any more, and show how far that is");
  return options;
}

void add_set(CLI::App* node, Context& context) {
  auto* command = node->add_subcommand("set", "Change a node's weight or zone while it serves");
  const auto options = add_common(command);
  command->add_option("--weight", options->weight, "Its relative share of partitions");
  command->add_option("--zone", options->zone, "Its zone; '' for none");
  command->footer(R"(
What is set here goes before what the node says of itself when it starts.

Examples:
  gyre node set n2 --weight 2        twice the share of a node of weight 1
  gyre node set n2 --zone b --wait   copies go to different zones: some move)");
  on_chosen(command, context, [&context, options] { return set(context, *options); });
}

}  // namespace

void add_node_commands(CLI::App& app, Context& context) {
  auto* node = app.add_subcommand("node", "Change what a node carries");
  node->require_subcommand(1);
  add_set(node, context);

  auto* drain = node->add_subcommand("drain", "Move all that a node has elsewhere, and keep it in the cluster");
  const auto drained = add_common(drain);
  drain->footer("\nFor work on a machine: drain, work, `gyre node resume`. To let it go: `gyre cluster remove-node`.");
  on_chosen(drain, context, [&context, drained] {
    return change(context, *drained, NodeSetRequest::Action::drain, "drain",
                  fmt::format("{} gives away what it has.", drained->node));
  });

  auto* resume = node->add_subcommand("resume", "Let a node that was drained, or is being removed, take part again");
  const auto resumed = add_common(resume);
  on_chosen(resume, context, [&context, resumed] {
    return change(context, *resumed, NodeSetRequest::Action::resume, "resume",
                  fmt::format("{} takes part again.", resumed->node));
  });
}

}  // namespace gyre::cli
