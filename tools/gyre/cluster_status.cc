#include "tools/gyre/cluster_status.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <fmt/color.h>
#include <fmt/core.h>

#include "tools/gyre/cluster_look.h"
#include "tools/gyre/moves_view.h"
#include "tools/gyre/partition_groups.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json group_json(const PartitionGroup& group) {
  return {{"partitions", group.partitions},
          {"state", to_string(group.state)},
          {"primary", text_or_null(group.primary)},
          {"why", text_or_null(group.why)},
          {"term_low", group.term_low.value()},
          {"term_high", group.term_high.value()},
          {"in_sync", group.in_sync},
          {"learners", group.learners},
          {"lag_ms", group.lag_ms < 0 ? Json(nullptr) : Json(group.lag_ms)},
          {"lease_left_ms", group.lease_ms ? Json(*group.lease_ms) : Json(nullptr)}};
}

Json status_json(const ClusterStatus& status) {
  Json processes = Json::array();
  for (const auto& p : status.processes) {
    processes.push_back({{"role", p.role},
                         {"id", p.id},
                         {"pid", p.pid ? Json(*p.pid) : Json(nullptr)},
                         {"state", p.state},
                         {"native", text_or_null(p.native)},
                         {"http", text_or_null(p.http)},
                         {"resp", text_or_null(p.resp)},
                         {"zone", text_or_null(p.zone)},
                         {"weight", p.weight ? Json(*p.weight) : Json(nullptr)},
                         {"membership", text_or_null(p.membership)},
                         {"primaries", p.primaries},
                         {"replicas", p.replicas},
                         {"learners", p.learners},
                         {"lag_ms", p.lag_ms < 0 ? Json(nullptr) : Json(p.lag_ms)},
                         {"faults", p.faults}});
  }
  Json groups = Json::array();
  if (status.map) {
    for (const auto& group : group_partitions(*status.map, status.by_primary)) groups.push_back(group_json(group));
  }
  return {{"cluster",
           {{"id", status.map ? Json(status.map->cluster.str()) : Json(nullptr)},
            {"epoch", status.map ? Json(status.map->epoch.value()) : Json(nullptr)},
            {"partitions", status.partitions},
            {"replication_factor", status.replication_factor},
            {"nodes_up", status.nodes_up},
            {"nodes_total", status.nodes_total},
            {"without_primary", status.without_primary},
            {"under_replicated", status.under_replicated},
            {"not_serving", status.not_serving}}},
          {"processes", std::move(processes)},
          {"partition_groups", std::move(groups)}};
}

std::string coloured_state(const std::string& state) {
  const std::string padded = fmt::format("{:<11}", state);
  if (!stdout_in_colours()) return padded;
  const auto colour = state == "up"     ? fmt::terminal_color::green
                      : state == "down" ? fmt::terminal_color::red
                                        : fmt::terminal_color::yellow;
  return fmt::format(fmt::fg(colour), "{}", padded);
}

// Injected faults must never be forgotten.
void print_faults(const ClusterStatus& status) {
  std::string where;
  for (const auto& p : status.processes) {
    if (p.faults > 0) where += fmt::format("{}{} ({})", where.empty() ? "" : ", ", p.id, p.faults);
  }
  if (where.empty()) return;
  fmt::print("Injected network faults are on at {}: `gyre chaos status` shows them, `gyre chaos heal` ends them\n",
             where);
}

void print_table(const ClusterStatus& status) {
  if (status.map) {
    fmt::print("Cluster {}, epoch {}: ", status.map->cluster.str(), status.map->epoch.value());
  } else {
    fmt::print("Cluster (no process gave its map): ");
  }
  fmt::print("{} of {} nodes up, {} partitions, replication factor {}\n", status.nodes_up, status.nodes_total,
             status.partitions, status.replication_factor);
  if (status.without_primary > 0) fmt::print("{} partitions have no primary that is up\n", status.without_primary);
  if (status.under_replicated > 0) fmt::print("{} partitions are under-replicated\n", status.under_replicated);
  if (status.not_serving > 0) fmt::print("{} partitions have a primary that does not serve\n", status.not_serving);
  print_faults(status);
  fmt::print("\n{:<6} {:<11} {:<11} {:<8} {:<17} {:<17} {:<17} {:<6} {:>6} {:>9} {:>8} {:>8} {:>7}\n", "ID", "ROLE",
             "STATE", "PID", "NATIVE", "RESP", "HTTP", "ZONE", "WEIGHT", "PRIMARIES", "REPLICAS", "LEARNERS", "LAG");
  for (const auto& p : status.processes) {
    fmt::print("{:<6} {:<11} {} {:<8} {:<17} {:<17} {:<17} {:<6} {:>6} {:>9} {:>8} {:>8} {:>7}\n", p.id, p.role,
               coloured_state(p.shown_state()), p.pid ? std::to_string(*p.pid) : "-", p.native.empty() ? "-" : p.native,
               p.resp.empty() ? "-" : p.resp, p.http.empty() ? "-" : p.http, p.zone.empty() ? "-" : p.zone,
               p.weight ? fmt::format("{}", *p.weight) : "-", p.primaries, p.replicas, p.learners,
               p.lag_ms < 0 ? "-" : fmt::format("{} ms", p.lag_ms));
  }
}

// No longer than what a terminal shows beside the table of processes.
void print_groups(const ring::ClusterMap& map, const PrimaryAnswers& answers) {
  constexpr std::size_t kShown = 12;
  const auto groups = group_partitions(map, answers);
  fmt::print("\n");
  std::size_t partitions_left = map.entries.size();
  for (std::size_t i = 0; i < std::min(groups.size(), kShown); ++i) {
    fmt::print("{}\n", describe(groups[i]));
    partitions_left -= groups[i].partitions.size();
  }
  if (partitions_left > 0) {
    fmt::print("{} more partitions in {} groups are not shown.\n", partitions_left, groups.size() - kShown);
  }
  fmt::print("`gyre cluster partitions` shows each.\n");
}

// One line while the cluster rebalances; nothing otherwise, or where no coordinator says so.
void print_moves(const ClusterSource& source) {
  if (!source.map) return;
  const auto moves = ask_coordinator_for<messages::MovesResponse>(source, messages::MovesRequest{}, kSourceAnswerLimit);
  if (!moves || moves->moves.empty()) return;
  fmt::print("\nRebalancing: {}. `gyre rebalance status -f` follows it.\n", progress_line(*moves));
}

std::vector<std::string> other_in_sync(const ring::PartitionEntry& entry) {
  std::vector<std::string> ids;
  for (const auto& member : entry.in_sync) {
    if (member.node != entry.primary) ids.push_back(member.node.str());
  }
  return ids;
}

Json member_json(const messages::PartitionStatus::Member& member) {
  return {{"node", member.node.str()},
          {"acknowledged", to_string(member.acknowledged)},
          {"behind", member.behind},
          {"lag_ms", member.lag_ms < 0 ? Json(nullptr) : Json(member.lag_ms)},
          {"lease_left_ms", member.lease_left_ms},
          {"counted", member.counted}};
}

// The map's entries, each with what its primary says.
Json partitions_json(const ring::ClusterMap& map, const ClusterStatus& status) {
  Json list = Json::array();
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const auto& entry = map.entries[i];
    const PartitionId id(static_cast<std::uint16_t>(i));
    const auto slots = map.partitioning().slots(id);
    Json in_sync = Json::array(), learners = Json::array(), members = Json::array();
    for (const auto& member : entry.in_sync) in_sync.push_back(member.node.str());
    for (const auto& learner : entry.learners) learners.push_back(learner.str());
    const auto said = status.by_primary.find(id);
    const bool known = said != status.by_primary.end();
    if (known) {
      for (const auto& member : said->second.members) members.push_back(member_json(member));
    }
    list.push_back({{"partition", i},
                    {"first_slot", slots.first},
                    {"last_slot", slots.end - 1},
                    {"term", entry.term.value()},
                    {"primary", text_or_null(entry.primary.str())},
                    {"serving", known && said->second.serving},
                    {"why", known ? text_or_null(said->second.why) : Json(nullptr)},
                    {"position", known ? Json(to_string(said->second.position)) : Json(nullptr)},
                    {"in_sync", std::move(in_sync)},
                    {"replicas", other_in_sync(entry)},
                    {"learners", std::move(learners)},
                    {"members", std::move(members)}});
  }
  return list;
}

std::string joined(const Json& ids) {
  std::string text;
  for (const auto& id : ids) text += (text.empty() ? "" : ",") + id.get<std::string>();
  return text.empty() ? "-" : text;
}

// "n2 0 ms, n3 12 ms (40 behind)"
std::string lag_text(const Json& members) {
  std::string text;
  for (const auto& member : members) {
    text += fmt::format("{}{} ", text.empty() ? "" : ", ", member["node"].get<std::string>());
    text += member["lag_ms"].is_null() ? "?" : fmt::format("{} ms", member["lag_ms"].get<std::int64_t>());
    if (const auto behind = member["behind"].get<std::uint64_t>()) text += fmt::format(" ({} behind)", behind);
  }
  return text.empty() ? "-" : text;
}

// The shortest lease: until then the primary may serve, whatever happens.
std::string lease_text(const Json& members) {
  std::optional<std::int64_t> least;
  for (const auto& member : members) {
    if (!member["counted"].get<bool>()) continue;
    const auto left = member["lease_left_ms"].get<std::int64_t>();
    least = std::min(left, least.value_or(left));
  }
  return least ? fmt::format("{} ms", *least) : "-";
}

void print_partitions(const ring::ClusterMap& map, const ClusterStatus& status) {
  fmt::print("{:<9} {:<12} {:>5}  {:<8} {:<8} {:>12} {:>8}  {:<12} {:<9} {}\n", "PARTITION", "SLOTS", "TERM", "PRIMARY",
             "STATE", "POSITION", "LEASE", "IN SYNC", "LEARNERS", "LAG");
  for (const auto& entry : partitions_json(map, status)) {
    fmt::print("{:<9} {:<12} {:>5}  {:<8} {:<8} {:>12} {:>8}  {:<12} {:<9} {}\n", entry["partition"].get<std::size_t>(),
               fmt::format("{}-{}", entry["first_slot"].get<unsigned>(), entry["last_slot"].get<unsigned>()),
               entry["term"].get<std::uint64_t>(),
               entry["primary"].is_null() ? "-" : entry["primary"].get<std::string>(),
               entry["serving"].get<bool>() ? "serves" : "waits",
               entry["position"].is_null() ? "-" : entry["position"].get<std::string>(), lease_text(entry["members"]),
               joined(entry["in_sync"]), joined(entry["learners"]), lag_text(entry["members"]));
    if (entry["why"].is_string()) fmt::print("          {}\n", entry["why"].get<std::string>());
  }
}

}  // namespace

Result<void> cluster_status(const Context& context) {
  GYRE_TRY_SET(const ClusterSource source, find_source(context));
  const ClusterStatus status = look_at_cluster(source);
  if (source.map || source.local) {
    if (context.json) {
      print_json(status_json(status));
    } else {
      print_table(status);
      if (status.map) print_groups(*status.map, status.by_primary);
      print_moves(source);
    }
  }
  const bool any_up = std::ranges::any_of(status.processes, [](const auto& p) { return p.state == "up"; });
  if (!source.map && !any_up) return fail(nothing_answers(source));
  return {};
}

Result<void> cluster_partitions(const Context& context) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  const ClusterStatus status = look_at_cluster(source);
  if (context.json) {
    print_json(partitions_json(*source.map, status));
  } else {
    print_partitions(*source.map, status);
  }
  return {};
}

}  // namespace gyre::cli
