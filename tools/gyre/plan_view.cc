#include "tools/gyre/plan_view.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace gyre::cli {
namespace {

using ring::NodeBalance;
using ring::NodeLoad;
using ring::Plan;
using When = NodeLoad NodeBalance::*;

constexpr std::size_t kTextWidth = 100;  // lists of partitions are wrapped to it

std::size_t id_width(const Plan& plan) {
  constexpr std::size_t kLeast = 8;  // "max/mean"
  std::size_t width = kLeast;
  for (const auto& node : plan.nodes) width = std::max(width, node.node.str().size());
  for (const auto& move : plan.moves) width = std::max({width, move.from.str().size(), move.to.str().size()});
  return width;
}

// Breaks a list at its commas; lines behind the first are indented.
std::string wrapped(const std::string& list, std::size_t indent) {
  std::string text;
  std::size_t column = indent;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t comma = std::min(list.find(", ", at), list.size());
    const std::string part = list.substr(at, comma - at) + (comma < list.size() ? "," : "");
    const bool first = at == 0;
    if (!first && column + 1 + part.size() > kTextWidth) {
      text += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!first) {
      text += " ";
      ++column;
    }
    text += part;
    column += part.size();
    at = comma + 2;
  }
  return text;
}

std::string node_or_dash(const NodeId& node) { return node.empty() ? "-" : node.str(); }

std::string group_table(const Plan& plan) {
  const std::size_t width = id_width(plan);
  std::string text =
      fmt::format("{:<{}}  {:<{}}  {:>6}  {:>10}  {}\n", "FROM", width, "TO", width, "COPIES", "BYTES", "PARTITIONS");
  for (const MoveGroup& group : group_moves(plan.moves)) {
    const std::string front =
        fmt::format("{:<{}}  {:<{}}  {:>6}  {:>10}  ", node_or_dash(group.from), width, node_or_dash(group.to), width,
                    group.partitions.size(), bytes_text(group.bytes));
    text += front + wrapped(partitions_text(group.partitions), front.size()) + "\n";
  }
  return text;
}

std::string move_table(const Plan& plan) {
  const std::size_t width = id_width(plan);
  std::string text = fmt::format("{:<9}  {:<{}}  {:<{}}  {:>10}\n", "PARTITION", "FROM", width, "TO", width, "BYTES");
  for (const auto& move : plan.moves) {
    text += fmt::format("{:<9}  {:<{}}  {:<{}}  {:>10}\n", move.partition.value(), node_or_dash(move.from), width,
                        node_or_dash(move.to), width, bytes_text(move.bytes));
  }
  return text;
}

std::string ratio_text(double ratio) { return ratio == 0 ? "-" : fmt::format("{:.2f}", ratio); }

// One row: a name, its share, and four figures before and after.
std::string balance_row(std::size_t width, std::string_view name, std::string_view share,
                        const std::array<std::string, 8>& f) {
  return fmt::format("{:<{}} {:>7}   {:>6} {:>6}   {:>6} {:>6}   {:>10} {:>10}   {:>8} {:>8}\n", name, width, share,
                     f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]);
}

std::string balance_table(const Plan& plan) {
  const std::size_t width = id_width(plan);
  std::string text = fmt::format("{:<{}} {:>7}   {:^13}   {:^13}   {:^21}   {:^17}\n", "", width, "", "PRIMARIES",
                                 "COPIES", "BYTES", "OPS/S");
  text +=
      balance_row(width, "NODE", "SHARE", {"before", "after", "before", "after", "before", "after", "before", "after"});
  const auto figure = [](double number) { return with_commas(static_cast<std::uint64_t>(number + 0.5)); };
  for (const NodeBalance& node : plan.nodes) {
    text += balance_row(
        width, node.node.str(), fmt::format("{:.1f}", node.share),
        {with_commas(node.before.primaries), with_commas(node.after.primaries), with_commas(node.before.replicas),
         with_commas(node.after.replicas), bytes_text(node.before.bytes), bytes_text(node.after.bytes),
         figure(node.before.operations_per_second), figure(node.after.operations_per_second)});
  }
  const Balance before = balance_of(plan.nodes, &NodeBalance::before);
  const Balance after = balance_of(plan.nodes, &NodeBalance::after);
  return text + balance_row(width, "max/mean", "",
                            {ratio_text(before.primaries), ratio_text(after.primaries), ratio_text(before.copies),
                             ratio_text(after.copies), ratio_text(before.bytes), ratio_text(after.bytes),
                             ratio_text(before.operations), ratio_text(after.operations)});
}

std::string movement_text(const Plan& plan) {
  const std::uint32_t copies = copies_of(plan);
  const std::string times =
      plan.moves_minimum == 0
          ? ""
          : fmt::format(": {:.2f} times that", static_cast<double>(copies) / static_cast<double>(plan.moves_minimum));
  return fmt::format("Movement: {} made; any placement within the bounds needs {} at least{}.\n",
                     counted(copies, "copy is", "copies are"), with_commas(plan.moves_minimum), times);
}

std::string safety_text(const Plan& plan, bool zones) {
  std::string text = fmt::format("Distinct replica sets: {} before, {} after.\n",
                                 with_commas(plan.before.distinct_sets), with_commas(plan.after.distinct_sets));
  text += fmt::format("Losing any one node leaves {} without a copy (before: {}).\n",
                      counted(plan.after.lost_with_node, "partition", "partitions"),
                      with_commas(plan.before.lost_with_node));
  if (!zones) return text;
  return text + fmt::format("Losing any one zone leaves {} without a copy (before: {}).\n",
                            counted(plan.after.lost_with_zone, "partition", "partitions"),
                            with_commas(plan.before.lost_with_zone));
}

Json load_json(const NodeLoad& load) {
  return {{"primaries", load.primaries},
          {"copies", load.replicas},
          {"bytes", load.bytes},
          {"operations_per_second", load.operations_per_second}};
}

Json spread_json(const ring::Spread& spread, const Balance& balance) {
  return {{"distinct_replica_sets", spread.distinct_sets},
          {"lost_with_node", spread.lost_with_node},
          {"lost_with_zone", spread.lost_with_zone},
          {"max_over_mean",
           {{"primaries", balance.primaries},
            {"copies", balance.copies},
            {"bytes", balance.bytes},
            {"operations_per_second", balance.operations}}}};
}

std::chrono::milliseconds estimate_of(const messages::PlanResponse& response) {
  return std::chrono::milliseconds(to_ms(response.estimate));
}

}  // namespace

std::string plan_id_text(std::uint64_t id) { return fmt::format("{:016x}", id); }

Result<std::uint64_t> parse_plan_id(std::string_view text) {
  std::uint64_t id = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  if (read.ec == std::errc() && read.ptr == text.data() + text.size() && text.size() <= 16 && id != 0) return id;
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("'{}' names no plan: `gyre rebalance plan` prints its name, 16 hex digits", text.substr(0, 40)));
}

std::vector<MoveGroup> group_moves(const std::vector<ring::PlannedMove>& moves) {
  std::map<std::pair<NodeId, NodeId>, MoveGroup> by_way;
  for (const auto& move : moves) {
    MoveGroup& group = by_way[{move.from, move.to}];
    group.from = move.from;
    group.to = move.to;
    group.partitions.push_back(move.partition);
    group.bytes += move.bytes;
  }
  std::vector<MoveGroup> groups;
  for (auto& [way, group] : by_way) {
    std::ranges::sort(group.partitions);
    groups.push_back(std::move(group));
  }
  return groups;
}

std::string way_text(const NodeId& from, const NodeId& to) {
  if (from.empty()) return "-> " + to.str();
  if (to.empty()) return from.str() + " ->";
  return from.str() + " -> " + to.str();
}

std::string partitions_text(const std::vector<PartitionId>& partitions) {
  std::string text;
  for (std::size_t i = 0; i < partitions.size();) {
    std::size_t last = i;
    while (last + 1 < partitions.size() && partitions[last + 1].value() == partitions[last].value() + 1) ++last;
    if (!text.empty()) text += ", ";
    text += std::to_string(partitions[i].value());
    if (last > i) text += fmt::format("-{}", partitions[last].value());
    i = last + 1;
  }
  return text;
}

Balance balance_of(const std::vector<NodeBalance>& nodes, When when) {
  const auto ratio = [&](auto figure_of) {
    double highest = 0, sum = 0, shares = 0;
    for (const NodeBalance& node : nodes) {
      if (node.share <= 0) continue;  // on its way out: whatever it has is too much
      const auto figure = static_cast<double>(figure_of(node.*when));
      highest = std::max(highest, figure / node.share);
      sum += figure;
      shares += node.share;
    }
    return sum == 0 ? 0.0 : highest * shares / sum;
  };
  return {ratio([](const NodeLoad& load) { return load.primaries; }),
          ratio([](const NodeLoad& load) { return load.replicas; }),
          ratio([](const NodeLoad& load) { return load.bytes; }),
          ratio([](const NodeLoad& load) { return load.operations_per_second; })};
}

std::uint32_t copies_of(const Plan& plan) {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(plan.moves, [](const ring::PlannedMove& move) { return !move.to.empty(); }));
}

std::string plan_summary(const messages::PlanResponse& response) {
  const Plan& plan = response.plan;
  const std::uint32_t copies = copies_of(plan);
  if (plan.id == 0 && plan.moves.empty()) return "Nothing is to be done: every copy is where placement wants it.";
  std::string text = plan.id == 0 ? std::string("Nothing new is to be done; of earlier plans: ")
                                  : fmt::format("Plan {}: ", plan_id_text(plan.id));
  if (copies > 0) {
    text += fmt::format("{} made, {}", counted(copies, "copy is", "copies are"), bytes_text(plan.bytes));
    if (response.estimate.count() > 0) text += fmt::format(", about {}", human_duration(estimate_of(response)));
  } else {
    text += "no copy is made";
  }
  if (plan.primaries_moved > 0) {
    text += fmt::format("; {} handed over without one", counted(plan.primaries_moved, "primary is", "primaries are"));
  }
  return text + ".";
}

std::string plan_text(const messages::PlanResponse& response, const PlanTextOptions& options) {
  const Plan& plan = response.plan;
  std::string text = plan_summary(response) + "\n";
  if (plan.spreads_hot_primaries) text += "Primaries are spread for load: some move away from nodes that are hot.\n";
  if (!plan.moves.empty()) text += "\n" + (options.every_move ? move_table(plan) : group_table(plan));
  if (!plan.nodes.empty()) text += "\n" + balance_table(plan);
  text += "\n";
  if (plan.id != 0) text += movement_text(plan);
  text += safety_text(plan, options.zones);
  if (plan.id != 0) text += fmt::format("\n`gyre rebalance apply {}` does just this.\n", plan_id_text(plan.id));
  return text;
}

Json plan_json(const messages::PlanResponse& response) {
  const Plan& plan = response.plan;
  Json moves = Json::array();
  for (const auto& move : plan.moves) {
    moves.push_back({{"partition", move.partition.value()},
                     {"from", id_or_null(move.from)},
                     {"to", id_or_null(move.to)},
                     {"bytes", move.bytes}});
  }
  Json nodes = Json::array();
  for (const NodeBalance& node : plan.nodes) {
    nodes.push_back({{"node", node.node.str()},
                     {"share", node.share},
                     {"before", load_json(node.before)},
                     {"after", load_json(node.after)}});
  }
  return {{"id", plan.id == 0 ? Json(nullptr) : Json(plan_id_text(plan.id))},
          {"copies", copies_of(plan)},
          {"copies_minimum", plan.moves_minimum},
          {"primaries_moved", plan.primaries_moved},
          {"bytes", plan.bytes},
          {"estimate_ms", to_ms(response.estimate)},
          {"spreads_hot_primaries", plan.spreads_hot_primaries},
          {"moves", std::move(moves)},
          {"nodes", std::move(nodes)},
          {"before", spread_json(plan.before, balance_of(plan.nodes, &NodeBalance::before))},
          {"after", spread_json(plan.after, balance_of(plan.nodes, &NodeBalance::after))}};
}

}  // namespace gyre::cli
