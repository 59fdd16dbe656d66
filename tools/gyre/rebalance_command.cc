// `gyre rebalance`: what would move, do it, and how far it is.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include <unistd.h>

#include <fmt/format.h>

#include "base/limits.h"
#include "tools/gyre/cluster_source.h"
#include "tools/gyre/moves_follow.h"
#include "tools/gyre/moves_view.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/plan_view.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

using messages::MovesResponse;
using messages::PlanResponse;

// A plan of a large cluster takes longer to make than other answers.
constexpr Duration kPlanLimitMin = std::chrono::seconds(10);
constexpr std::size_t kMovesShown = 30;

Result<PlanResponse> ask_plan(const Context& context, const ClusterSource& source) {
  return ask_coordinator_for<PlanResponse>(source, messages::PlanRequest{},
                                           std::max<Duration>(context.deadline, kPlanLimitMin));
}

Result<MovesResponse> ask_moves(const Context& context, const ClusterSource& source) {
  return ask_coordinator_for<MovesResponse>(source, messages::MovesRequest{}, context.deadline);
}

bool names_zones(const ring::ClusterMap& map) {
  return std::ranges::any_of(map.nodes, [](const ring::NodeInfo& node) { return !node.zone.empty(); });
}

// --- plan ---

Result<void> plan(const Context& context, bool every_move) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  GYRE_TRY_SET(const PlanResponse response, ask_plan(context, source));
  if (context.json) {
    print_json(plan_json(response));
  } else {
    fmt::print("{}", plan_text(response, {.every_move = every_move, .zones = names_zones(*source.map)}));
  }
  return {};
}

void add_plan(CLI::App* rebalance, Context& context) {
  auto* command = rebalance->add_subcommand("plan", "Show what a rebalance would do, and what comes of it");
  auto every_move = std::make_shared<bool>(false);
  command->add_flag("--every-move", *every_move, "A line for each move, instead of one for each way");
  command->footer(R"(
Changes nothing. MOVEMENT is compared with the fewest copies that any placement within the bounds would have to make.
SHARE is what a node should hold of all copies by its weight and zone; max/mean is 1.00 where everybody has just that.

Examples:
  gyre rebalance plan
  gyre rebalance plan --json | jq .moves)");
  on_chosen(command, context, [&context, every_move] { return plan(context, *every_move); });
}

// --- apply ---

struct ApplyOptions {
  std::string id;
  bool wait = false;
};

Json applied_json(const PlanResponse& response, Epoch epoch) {
  return {{"plan", plan_id_text(response.plan.id)},
          {"epoch", epoch.value()},
          {"copies", copies_of(response.plan)},
          {"bytes", response.plan.bytes},
          {"estimate_ms", to_ms(response.estimate)}};
}

Result<void> apply(const Context& context, const ApplyOptions& options) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  std::uint64_t id = 0;
  if (!options.id.empty()) {
    GYRE_TRY_SET(id, parse_plan_id(options.id));
  }
  GYRE_TRY_SET(const PlanResponse response, ask_plan(context, source));
  if (id == 0 && response.plan.id == 0) {
    if (context.json) {
      print_json({{"plan", nullptr}});
    } else {
      print_line(plan_summary(response));
    }
    return {};
  }
  // One that is named is asked for even if it is another by now: the coordinator decides.
  if (id == 0) id = response.plan.id;
  GYRE_TRY_SET(const auto applied,
               ask_coordinator_for<messages::ApplyResponse>(source, messages::ApplyRequest{id},
                                                            std::max<Duration>(context.deadline, kPlanLimitMin)));
  if (!context.json) print_line(plan_summary(response));
  GYRE_TRY_SET(const Aftermath after, see_aftermath(context, source, options.wait));
  if (context.json) {
    print_json(applied_json(response, applied.epoch));
  } else {
    print_line(after.sentence);
  }
  return {};
}

void add_apply(CLI::App* rebalance, Context& context) {
  auto* command = rebalance->add_subcommand("apply", "Do just what a plan says");
  auto options = std::make_shared<ApplyOptions>();
  command->add_option("ID", options->id, "The plan, as `gyre rebalance plan` names it [what it would be now]");
  command->add_flag("--wait", options->wait, "Wait until all has moved, and show how far that is");
  command->footer(R"(
With an ID nothing else can happen than what was looked at: if the cluster has changed since, the plan is refused (exit
code 1) and a new one is to be made. Only needed where the cluster does not act by itself (`gyre cluster set --auto
off`), or to spread primaries for load (`--spread-hot on`) at a time of your choice.)");
  on_chosen(command, context, [&context, options] { return apply(context, *options); });
}

// --- pause, resume ---

Result<void> set_paused(const Context& context, bool paused) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  messages::ClusterSetRequest request;
  request.paused = paused;
  GYRE_TRY(ask_coordinator_for<messages::SetResponse>(source, request, context.deadline));
  GYRE_TRY_SET(const MovesResponse moves, ask_moves(context, source));
  if (context.json) {
    print_json(moves_json(moves));
    return {};
  }
  const auto open = static_cast<std::uint64_t>(std::ranges::count_if(
      moves.moves, [](const auto& move) { return move.stage != messages::MoveStatus::Stage::waiting; }));
  if (paused) {
    print_line(fmt::format("Paused: no move begins any more; {} under way will end.", counted(open, "move", "moves")));
  } else {
    print_line(fmt::format("Moves go on: {} open.", counted(moves.moves.size(), "is", "are")));
  }
  return {};
}

// --- limit ---

struct LimitOptions {
  std::optional<std::uint32_t> moves_per_node;
  std::string rate;
  std::optional<double> p99_factor;
};

Result<messages::ClusterSetRequest> limit_request(const LimitOptions& options) {
  messages::ClusterSetRequest request;
  request.moves_per_node = options.moves_per_node;
  request.p99_factor = options.p99_factor;
  if (options.rate == "none") request.bytes_per_second = 0;
  if (!options.rate.empty() && options.rate != "none") {
    std::string size = options.rate;
    if (size.ends_with("/s")) size.resize(size.size() - 2);
    auto bytes = parse_size(size);
    if (!bytes) return fail(ErrorCode::invalid_argument, "--rate: " + bytes.error().message + " or `none`");
    request.bytes_per_second = *bytes;
  }
  return request;
}

Result<void> limit(const Context& context, const LimitOptions& options) {
  GYRE_TRY_SET(const auto request, limit_request(options));
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  if (request.moves_per_node || request.bytes_per_second || request.p99_factor) {
    GYRE_TRY(ask_coordinator_for<messages::SetResponse>(source, request, context.deadline));
  }
  GYRE_TRY_SET(const MovesResponse moves, ask_moves(context, source));
  if (context.json) {
    print_json(limits_json(moves.limits));
  } else {
    print_line("Limits: " + limits_text(moves.limits));
  }
  return {};
}

void add_limit(CLI::App* rebalance, Context& context) {
  auto* command = rebalance->add_subcommand("limit", "Set how fast data moves, at any time; alone: show it");
  auto options = std::make_shared<LimitOptions>();
  command->add_option("--moves-per-node", options->moves_per_node, "Copies that a node gives, and takes, at once")
      ->check(CLI::Range(1U, limits::kMovesPerNodeMax));
  command->add_option("--rate", options->rate, "Bytes a second of copies that one node sends, or none: no limit")
      ->type_name("SIZE|none");
  command
      ->add_option("--p99-factor", options->p99_factor,
                   "A node sends slower while its requests' p99 is above so many times that at rest; 0: never")
      ->check(CLI::Range(0.0, 1000.0));
  command->footer(R"(
Examples:
  gyre rebalance limit --rate 50MB --moves-per-node 2     gently
  gyre rebalance limit --rate none --p99-factor 0         as fast as it goes, whatever clients feel)");
  on_chosen(command, context, [&context, options] { return limit(context, *options); });
}

// --- status ---

MovesDisplay::Form following_form(const Context& context) {
  if (context.json) return MovesDisplay::Form::json;
  return isatty(STDOUT_FILENO) == 1 ? MovesDisplay::Form::block : MovesDisplay::Form::line;
}

Result<void> status(const Context& context, bool follow) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  if (follow) {
    GYRE_TRY(follow_moves(context, source, following_form(context), nothing_moves));
    if (!context.json) print_line("All has moved.");
    return {};
  }
  GYRE_TRY_SET(const MovesResponse moves, ask_moves(context, source));
  if (context.json) {
    print_json(moves_json(moves));
  } else {
    fmt::print("{}", moves_text(moves, kMovesShown));
  }
  return {};
}

void add_status(CLI::App* rebalance, Context& context) {
  auto* command = rebalance->add_subcommand("status", "Show how far the moves are");
  auto follow = std::make_shared<bool>(false);
  command->add_flag("-f,--follow", *follow, "Show it until all has moved; Ctrl-C ends the showing, not the moves");
  command->footer(R"(
A move is waiting (for its turn), copying (the new member catches up), handing over (the primary moves), leaving (the
old member gives up its place) or deleting (and its data). With --json -f: an object a line, every second.)");
  on_chosen(command, context, [&context, follow] { return status(context, *follow); });
}

}  // namespace

void add_rebalance_commands(CLI::App& app, Context& context) {
  auto* rebalance = app.add_subcommand("rebalance", "Plan, apply, limit and follow the movement of data");
  rebalance->require_subcommand(1);
  add_plan(rebalance, context);
  add_apply(rebalance, context);
  on_chosen(rebalance->add_subcommand("pause", "Let no further move begin; those under way end"), context,
            [&context] { return set_paused(context, true); });
  on_chosen(rebalance->add_subcommand("resume", "Let moves begin again"), context,
            [&context] { return set_paused(context, false); });
  add_limit(rebalance, context);
  add_status(rebalance, context);
  rebalance->footer(R"(
By itself a cluster rebalances when a node joins, leaves, is drained or stays away for long, or when weights, zones or
the replication factor change; `gyre cluster set --auto off` leaves that to you: `plan`, look, `apply`.)");
}

}  // namespace gyre::cli
