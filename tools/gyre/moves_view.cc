#include "tools/gyre/moves_view.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/assert.h"
#include "tools/gyre/plan_view.h"
#include "tools/gyre/progress.h"

namespace gyre::cli {
namespace {

using messages::MovesResponse;
using messages::MoveStatus;

constexpr std::size_t kMoveBarWidth = 8;
constexpr double kOpenFractionMax = 0.99;  // a bar that is full says that all is done

double part(std::uint64_t done, std::uint64_t total) {
  return total == 0 ? 0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
}

std::string move_line(const MoveStatus& move) {
  std::string text = fmt::format("  partition {:>5}  {:<14} {:<12}", move.partition.value(),
                                 way_text(move.from, move.to), to_string(move.stage));
  if (move.stage == MoveStatus::Stage::copying) {
    const double done = part(move.bytes_done, move.bytes_total);
    text += fmt::format(" {} {:>3.0f}%  {} of {}", bar_of(done, kMoveBarWidth), done * 100, bytes_text(move.bytes_done),
                        bytes_text(move.bytes_total));
  }
  if (move.node_down) text += fmt::format(" waits for {}, which is down", move.acting_node().str());
  return text + "\n";
}

std::string in_flight_text(const MovesResponse& moves, std::size_t moves_max) {
  std::string text;
  std::size_t in_flight = 0;
  for (const MoveStatus& move : moves.moves) {
    if (move.stage == MoveStatus::Stage::waiting) continue;
    if (++in_flight <= moves_max) text += move_line(move);
  }
  if (in_flight > moves_max) text += fmt::format("  ... and {} more\n", with_commas(in_flight - moves_max));
  if (const std::size_t waiting = moves.moves.size() - in_flight; waiting > 0) {
    text +=
        fmt::format("  {} for {} turn\n", counted(waiting, "move waits", "moves wait"), waiting == 1 ? "its" : "their");
  }
  return text;
}

// Nodes that moves wait for and that are down.
std::set<NodeId> nodes_down(const MovesResponse& moves) {
  std::set<NodeId> nodes;
  for (const MoveStatus& move : moves.moves) {
    if (move.node_down) nodes.insert(move.acting_node());
  }
  return nodes;
}

std::string nodes_down_text(const MovesResponse& moves) {
  std::string text;
  for (const NodeId& node : nodes_down(moves)) {
    text += fmt::format(
        "{0} is down: its moves go on when it is back. `gyre cluster start {0}` starts it; if it is gone for good, "
        "`gyre cluster remove-node {0} --force` gives up what only it may hold.\n",
        node.str());
  }
  return text;
}

}  // namespace

std::string_view to_string(MoveStatus::Stage stage) {
  switch (stage) {
    case MoveStatus::Stage::waiting: return "waiting";
    case MoveStatus::Stage::copying: return "copying";
    case MoveStatus::Stage::handing_over: return "handing over";
    case MoveStatus::Stage::leaving: return "leaving";
    case MoveStatus::Stage::deleting: return "deleting";
  }
  GYRE_ASSERT(false);
  return {};
}

double done_fraction(const MovesResponse& moves) {
  if (moves.moves.empty()) return 1;
  const double done =
      moves.bytes_total > 0 ? part(moves.bytes_done, moves.bytes_total) : part(moves.moves_done, moves.moves_total);
  return std::min(done, kOpenFractionMax);
}

std::optional<std::chrono::seconds> time_left(const MovesResponse& moves) {
  if (moves.moves.empty() || moves.bytes_per_second < 1 || moves.bytes_total <= moves.bytes_done) return std::nullopt;
  const auto left = static_cast<double>(moves.bytes_total - moves.bytes_done);
  return std::chrono::seconds(static_cast<std::int64_t>(left / moves.bytes_per_second));
}

std::string progress_line(const MovesResponse& moves) {
  const double done = done_fraction(moves);
  std::string text = fmt::format("{} {:3.0f}%  {} of {} moves  {} of {}", bar_of(done, kBarWidth), done * 100,
                                 with_commas(moves.moves_done), with_commas(moves.moves_total),
                                 bytes_text(moves.bytes_done), bytes_text(moves.bytes_total));
  if (moves.moves.empty()) return text;
  text += fmt::format("  {}/s", human_bytes(moves.bytes_per_second));
  if (const auto left = time_left(moves)) {
    text += fmt::format("  ETA {}", minutes_text(static_cast<std::uint64_t>(left->count())));
  }
  if (const auto down = nodes_down(moves); !down.empty()) {
    text += fmt::format("  waits for {} (down)", down.begin()->str());
  }
  return text + (moves.policy.paused ? "  paused" : "");
}

std::string moves_text(const MovesResponse& moves, std::size_t moves_max) {
  std::string text = moves.moves.empty() ? "Nothing moves.\n" : progress_line(moves) + "\n";
  if (moves.policy.paused) text += "Paused: no move begins until `gyre rebalance resume`; what is under way goes on.\n";
  text += in_flight_text(moves, moves_max) + nodes_down_text(moves);
  return text + "\nLimits: " + limits_text(moves.limits) + "\n" + policy_text(moves.policy);
}

std::string limits_text(const ring::MoveLimits& limits) {
  std::string text = fmt::format("{} of a node at once, ", counted(limits.moves_per_node, "move", "moves"));
  text += limits.bytes_per_second == 0 ? "as fast as it can"
                                       : fmt::format("{}/s from a node", bytes_text(limits.bytes_per_second));
  if (limits.p99_factor <= 0) return text + ", whatever the p99";
  return text + fmt::format(", slower while p99 is above {} times that at rest", limits.p99_factor);
}

std::string policy_text(const messages::MovePolicy& policy) {
  const std::string replace = policy.replace_after.count() == 0
                                  ? "never"
                                  : "after " + human_duration(std::chrono::milliseconds(to_ms(policy.replace_after)));
  return fmt::format(
      "The cluster acts upon joins, leaves and deaths {}.\n"
      "A node that is away is replaced {}; primaries are {}spread for load.\n",
      policy.automatic ? "by itself" : "only by `gyre rebalance apply`", replace, policy.spread_hot ? "" : "not ");
}

Json limits_json(const ring::MoveLimits& limits) {
  return {{"moves_per_node", limits.moves_per_node},
          {"bytes_per_second", limits.bytes_per_second},
          {"p99_factor", limits.p99_factor}};
}

Json policy_json(const messages::MovePolicy& policy) {
  return {{"automatic", policy.automatic},
          {"paused", policy.paused},
          {"spread_hot", policy.spread_hot},
          {"replace_after_ms", to_ms(policy.replace_after)}};
}

Json moves_json(const MovesResponse& moves) {
  Json open = Json::array();
  for (const MoveStatus& move : moves.moves) {
    open.push_back({{"partition", move.partition.value()},
                    {"from", id_or_null(move.from)},
                    {"to", id_or_null(move.to)},
                    {"stage", to_string(move.stage)},
                    {"bytes_done", move.bytes_done},
                    {"bytes_total", move.bytes_total},
                    {"waits_for_down", move.node_down ? Json(move.acting_node().str()) : Json(nullptr)}});
  }
  Json nodes = Json::array();
  for (const auto& node : moves.nodes) {
    nodes.push_back({{"node", node.node.str()},
                     {"bytes", node.bytes},
                     {"reads_per_second", node.reads_per_second},
                     {"writes_per_second", node.writes_per_second},
                     {"p99_us", node.p99_us},
                     {"rest_p99_us", node.rest_p99_us},
                     {"faults", node.faults}});
  }
  const auto left = time_left(moves);
  return {{"moves_done", moves.moves_done},
          {"moves_total", moves.moves_total},
          {"bytes_done", moves.bytes_done},
          {"bytes_total", moves.bytes_total},
          {"bytes_per_second", moves.bytes_per_second},
          {"eta_s", left ? Json(left->count()) : Json(nullptr)},
          {"policy", policy_json(moves.policy)},
          {"limits", limits_json(moves.limits)},
          {"moves", std::move(open)},
          {"nodes", std::move(nodes)}};
}

}  // namespace gyre::cli
