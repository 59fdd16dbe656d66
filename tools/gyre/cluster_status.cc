#include "tools/gyre/cluster_status.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <fmt/color.h>
#include <fmt/core.h>

#include "client/rpc.h"
#include "messages/request.h"
#include "ring/cluster_map.h"
#include "tools/gyre/cluster_processes.h"
#include "tools/gyre/cluster_up.h"
#include "tools/gyre/local_cluster.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kAnswerLimit = 1000ms;  // of one process; all are asked at once

struct ProcessStatus {
  std::string role;
  std::string id;
  std::optional<pid_t> pid;
  std::string state;  // up, down, paused, starting, unreachable
  std::string native;
  std::string http;
  std::string resp;  // empty: none
  std::string zone;  // empty: none
  std::optional<double> weight;  // nodes alone
  std::size_t primaries = 0;
  std::size_t replicas = 0;
};

struct ClusterStatus {
  ring::ClusterMapPtr map;  // null: nobody gave one
  std::uint32_t partitions = 0;
  std::uint32_t replication_factor = 0;
  std::vector<ProcessStatus> processes;
  std::size_t nodes_up = 0;
  std::size_t nodes_total = 0;
  std::size_t without_primary = 0;
  std::size_t under_replicated = 0;
};

// The newest map that any of the processes gives; null if none answers.
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

// What the cluster of the context says of itself: its map, and the local layout if it is a local cluster.
struct Source {
  std::optional<LocalCluster> local;
  ring::ClusterMapPtr map;
};

Result<Source> find_source(const Context& context) {
  Source source;
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

Error nothing_answers(const Source& source) {
  if (source.local) {
    return {ErrorCode::unavailable,
            {},
            fmt::format("nothing answers in the cluster in {}: start it with `gyre cluster up`",
                        source.local->dir.string()),
            {}};
  }
  return {ErrorCode::unavailable, {}, "none of the addresses of --seeds answers: is the cluster up?", {}};
}

std::string state_by_readiness(const std::string& http, std::string_view when_refused) {
  if (http.empty()) return "unreachable";
  switch (ask_readiness(http, kAnswerLimit).state) {
    case Readiness::State::ready: return "up";
    case Readiness::State::not_ready: return "starting";
    case Readiness::State::refused: return std::string(when_refused);
    case Readiness::State::silent: return "unreachable";
  }
  return "unreachable";
}

ProcessStatus local_status(const LocalCluster& cluster, const LocalProcess& process) {
  ProcessStatus status{.role = process.role,
                       .id = process.id,
                       .pid = {},
                       .state = "down",
                       .native = process.native,
                       .http = process.http,
                       .resp = {},
                       .zone = process.zone,
                       .weight = {}};
  if (process.role == "node") status.weight = process.weight;
  const auto live = LiveProcess::find(cluster.process_dir(process));
  if (!live) return status;
  status.pid = live->pid();
  // A process that lives and does not listen yet is opening its data.
  status.state = live->paused() ? "paused" : state_by_readiness(process.http, "starting");
  return status;
}

ProcessStatus remote_node_status(const ring::NodeInfo& node) {
  return {.role = "node",
          .id = node.id.str(),
          .pid = {},
          .state = state_by_readiness(node.addresses.http, "down"),
          .native = node.addresses.native,
          .http = node.addresses.http,
          .resp = node.addresses.resp,
          .zone = node.zone,
          .weight = node.weight};
}

// The map names coordinators by native address alone.
ProcessStatus remote_coordinator_status(const std::string& address) {
  const bool answers = client::call(address, messages::MapRequest{}, kAnswerLimit).has_value();
  return {.role = "coordinator",
          .id = address,
          .pid = {},
          .state = answers ? "up" : "unreachable",
          .native = address,
          .http = {},
          .resp = {},
          .zone = {},
          .weight = {}};
}

std::vector<ProcessStatus> look_at_processes(const Source& source) {
  std::vector<std::future<ProcessStatus>> pending;
  const auto ask = [&](auto question) { pending.push_back(std::async(std::launch::async, std::move(question))); };
  if (source.local) {
    for (const auto& process : source.local->processes) {
      ask([&] { return local_status(*source.local, process); });
    }
  } else if (source.map) {
    for (const auto& address : source.map->coordinators) ask([&] { return remote_coordinator_status(address); });
    for (const auto& node : source.map->nodes) ask([&] { return remote_node_status(node); });
  }
  std::vector<ProcessStatus> processes;
  for (auto& answer : pending) processes.push_back(answer.get());
  return processes;
}

void count_nodes(ClusterStatus& status) {
  for (const auto& process : status.processes) {
    if (process.role != "node") continue;
    ++status.nodes_total;
    if (process.state == "up") ++status.nodes_up;
  }
}

// Adds what the map knows: who serves what, and what is missing while some nodes are not up.
void apply_map(ClusterStatus& status, const ring::ClusterMap& map) {
  std::set<std::string> up;
  std::map<std::string, ProcessStatus*> by_id;
  for (auto& process : status.processes) {
    if (process.role != "node") continue;
    by_id[process.id] = &process;
    if (process.state == "up") up.insert(process.id);
    if (const auto* node = map.find_node(NodeId(process.id))) {
      process.zone = node->zone;
      process.weight = node->weight;
      process.resp = node->addresses.resp;
    }
  }
  for (const auto& entry : map.entries) {
    std::size_t copies_up = 0;
    for (const auto& member : entry.in_sync) {
      copies_up += up.count(member.node.str());
      const auto known = by_id.find(member.node.str());
      if (known == by_id.end()) continue;
      ++(member.node == entry.primary ? known->second->primaries : known->second->replicas);
    }
    if (!up.contains(entry.primary.str())) ++status.without_primary;
    if (copies_up < map.shape.replication_factor) ++status.under_replicated;
  }
}

ClusterStatus status_of(const Source& source) {
  ClusterStatus status;
  status.map = source.map;
  status.processes = look_at_processes(source);
  count_nodes(status);
  if (source.map) {
    status.partitions = source.map->shape.partitions;
    status.replication_factor = source.map->shape.replication_factor;
    apply_map(status, *source.map);
  } else if (source.local) {
    status.partitions = source.local->partitions;
    status.replication_factor = source.local->replication_factor;
    status.without_primary = status.under_replicated = status.partitions;
  }
  return status;
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json to_json(const ClusterStatus& status) {
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
                         {"primaries", p.primaries},
                         {"replicas", p.replicas}});
  }
  return {{"cluster",
           {{"id", status.map ? Json(status.map->cluster.str()) : Json(nullptr)},
            {"epoch", status.map ? Json(status.map->epoch.value()) : Json(nullptr)},
            {"partitions", status.partitions},
            {"replication_factor", status.replication_factor},
            {"nodes_up", status.nodes_up},
            {"nodes_total", status.nodes_total},
            {"without_primary", status.without_primary},
            {"under_replicated", status.under_replicated}}},
          {"processes", std::move(processes)}};
}

bool colours_wanted() {
  const char* no_color = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

std::string coloured_state(const std::string& state) {
  const std::string padded = fmt::format("{:<11}", state);
  if (!colours_wanted()) return padded;
  const auto colour = state == "up"     ? fmt::terminal_color::green
                      : state == "down" ? fmt::terminal_color::red
                                        : fmt::terminal_color::yellow;
  return fmt::format(fmt::fg(colour), "{}", padded);
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
  fmt::print("\n{:<6} {:<11} {:<11} {:<8} {:<21} {:<21} {:<8} {:>6} {:>9} {:>8}\n", "ID", "ROLE", "STATE", "PID",
             "NATIVE", "HTTP", "ZONE", "WEIGHT", "PRIMARIES", "REPLICAS");
  for (const auto& p : status.processes) {
    fmt::print("{:<6} {:<11} {} {:<8} {:<21} {:<21} {:<8} {:>6} {:>9} {:>8}\n", p.id, p.role, coloured_state(p.state),
               p.pid ? std::to_string(*p.pid) : "-", p.native, p.http.empty() ? "-" : p.http,
               p.zone.empty() ? "-" : p.zone, p.weight ? fmt::format("{}", *p.weight) : "-", p.primaries, p.replicas);
  }
}

std::vector<std::string> other_in_sync(const ring::PartitionEntry& entry) {
  std::vector<std::string> ids;
  for (const auto& member : entry.in_sync) {
    if (member.node != entry.primary) ids.push_back(member.node.str());
  }
  return ids;
}

Json to_json(const ring::ClusterMap& map) {
  Json list = Json::array();
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const auto& entry = map.entries[i];
    const auto slots = map.partitioning().slots(PartitionId(static_cast<std::uint16_t>(i)));
    Json in_sync = Json::array(), learners = Json::array();
    for (const auto& member : entry.in_sync) in_sync.push_back(member.node.str());
    for (const auto& learner : entry.learners) learners.push_back(learner.str());
    list.push_back({{"partition", i},
                    {"first_slot", slots.first},
                    {"last_slot", slots.end - 1},
                    {"term", entry.term.value()},
                    {"primary", text_or_null(entry.primary.str())},
                    {"in_sync", std::move(in_sync)},
                    {"replicas", other_in_sync(entry)},
                    {"learners", std::move(learners)}});
  }
  return list;
}

void print_partitions(const ring::ClusterMap& map) {
  fmt::print("{:<10} {:<13} {:>6}  {:<8} {:<20} {}\n", "PARTITION", "SLOTS", "TERM", "PRIMARY", "REPLICAS", "LEARNERS");
  const auto joined = [](const Json& ids) {
    std::string text;
    for (const auto& id : ids) text += (text.empty() ? "" : ",") + id.get<std::string>();
    return text.empty() ? std::string("-") : text;
  };
  for (const auto& entry : to_json(map)) {
    fmt::print("{:<10} {:<13} {:>6}  {:<8} {:<20} {}\n", entry["partition"].get<std::size_t>(),
               fmt::format("{}-{}", entry["first_slot"].get<unsigned>(), entry["last_slot"].get<unsigned>()),
               entry["term"].get<std::uint64_t>(),
               entry["primary"].is_null() ? "-" : entry["primary"].get<std::string>(), joined(entry["replicas"]),
               joined(entry["learners"]));
  }
}

}  // namespace

Result<void> cluster_status(const Context& context) {
  GYRE_TRY_SET(const Source source, find_source(context));
  const ClusterStatus status = status_of(source);
  if (source.map || source.local) {
    if (context.json) {
      print_json(to_json(status));
    } else {
      print_table(status);
    }
  }
  const bool any_up = std::ranges::any_of(status.processes, [](const auto& p) { return p.state == "up"; });
  if (!source.map && !any_up) return fail(nothing_answers(source));
  return {};
}

Result<void> cluster_partitions(const Context& context) {
  GYRE_TRY_SET(const Source source, find_source(context));
  if (!source.map) return fail(nothing_answers(source));
  if (context.json) {
    print_json(to_json(*source.map));
  } else {
    print_partitions(*source.map);
  }
  return {};
}

}  // namespace gyre::cli
