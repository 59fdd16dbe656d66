#include "tools/gyre/cluster_settings.h"

#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/limits.h"
#include "tools/gyre/cluster_processes.h"
#include "tools/gyre/cluster_source.h"
#include "tools/gyre/moves_follow.h"
#include "tools/gyre/moves_view.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

using messages::ClusterSetRequest;

struct SetOptions {
  std::optional<std::uint32_t> replication_factor;
  std::optional<std::uint32_t> min_in_sync;
  std::string replace_after;
  std::string automatic;
  std::string spread_hot;
  bool wait = false;
};

std::optional<bool> switch_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text == "on";
}

Result<ClusterSetRequest> request_of(const SetOptions& options) {
  ClusterSetRequest request;
  request.replication_factor = options.replication_factor;
  request.min_in_sync = options.min_in_sync;
  request.automatic = switch_of(options.automatic);
  request.spread_hot = switch_of(options.spread_hot);
  if (options.replace_after == "never") {
    request.replace_after = Duration(0);
  } else if (!options.replace_after.empty()) {
    auto after = parse_duration(options.replace_after);
    if (!after) return fail(ErrorCode::invalid_argument, "--replace-after: " + after.error().message + ", or never");
    request.replace_after = *after;
  }
  return request;
}

bool changes_anything(const ClusterSetRequest& request) {
  return request.replication_factor || request.min_in_sync || request.automatic || request.spread_hot ||
         request.replace_after;
}

// The layout of a local cluster tells how many copies there are.
Result<void> update_layout(const ClusterSource& source, const SetOptions& options) {
  if (!source.local || !options.replication_factor) return {};
  GYRE_TRY_SET(const OwnedFd lock, lock_cluster(source.local->dir));
  GYRE_TRY_SET(LocalCluster cluster, load_local_cluster(source.local->dir));
  cluster.replication_factor = *options.replication_factor;
  return save_local_cluster(cluster);
}

Result<void> show(const Context& context, const ClusterSource& source) {
  // The coordinator's own map: nodes may not know the change yet.
  GYRE_TRY_SET(const auto status,
               ask_coordinator_for<messages::StatusResponse>(source, messages::StatusRequest{}, context.deadline));
  GYRE_TRY_SET(const auto moves,
               ask_coordinator_for<messages::MovesResponse>(source, messages::MovesRequest{}, context.deadline));
  const ring::ClusterShape& shape = status.map ? status.map->shape : source.map->shape;
  if (context.json) {
    print_json({{"replication_factor", shape.replication_factor},
                {"min_in_sync", shape.min_in_sync},
                {"policy", policy_json(moves.policy)},
                {"limits", limits_json(moves.limits)},
                {"moves", moves.moves.size()}});
    return {};
  }
  fmt::print("{} of each partition; a write of ack `all` needs {} in sync.\n{}Moves: {}.\n",
             counted(shape.replication_factor, "copy", "copies"), counted(shape.min_in_sync, "member", "members"),
             policy_text(moves.policy), limits_text(moves.limits));
  if (!moves.moves.empty()) print_line(aftermath_of(moves).sentence);
  return {};
}

Result<void> set(const Context& context, const SetOptions& options) {
  GYRE_TRY_SET(const ClusterSetRequest request, request_of(options));
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  if (changes_anything(request)) {
    GYRE_TRY(ask_coordinator_for<messages::SetResponse>(source, request, context.deadline));
    GYRE_TRY(update_layout(source, options));
  }
  if (options.wait) GYRE_TRY(see_aftermath(context, source, true));
  return show(context, source);
}

}  // namespace

void add_cluster_set(CLI::App* cluster, Context& context) {
  auto* command = cluster->add_subcommand("set", "Change the cluster while it serves; alone: show what is set");
  auto options = std::make_shared<SetOptions>();
  command->add_option("--rf", options->replication_factor, "Copies of each partition")
      ->check(CLI::Range(1U, limits::kReplicationFactorMax));
  command->add_option("--min-in-sync", options->min_in_sync, "Members that a write of ack `all` needs in sync")
      ->check(CLI::Range(1U, limits::kReplicationFactorMax));
  command
      ->add_option("--replace-after", options->replace_after,
                   "What a node that is away for so long held is copied anew elsewhere")
      ->type_name("TIME|never");
  add_choice(*command, "--auto", options->automatic, {"on", "off"},
             "Whether joins, leaves and deaths move data by themselves, or only `gyre rebalance apply` does");
  add_choice(*command, "--spread-hot", options->spread_hot, {"on", "off"},
             "Whether plans move primaries away from nodes that are hot");
  command->add_flag("--wait", options->wait, "Wait until nothing moves any more, and show how far that is");
  command->footer(R"(
How fast data moves: `gyre rebalance limit`.

Examples:
  gyre cluster set --rf 2 --wait          a copy less of everything
  gyre cluster set --replace-after 30m    be patient with machines that restart
  gyre cluster set --auto off             look at `gyre rebalance plan` before anything moves)");
  on_chosen(command, context, [&context, options] { return set(context, *options); });
}

}  // namespace gyre::cli
