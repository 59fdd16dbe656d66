#include "tools/gyre/cluster_look.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <set>
#include <variant>

#include "base/assert.h"
#include "client/rpc.h"
#include "tools/gyre/cluster_processes.h"

namespace gyre::cli {
namespace {

std::chrono::milliseconds whole_ms(Duration limit) { return std::chrono::milliseconds(to_ms(limit)); }

void look_at_readiness(ProcessStatus& status, std::string_view when_refused, Duration limit) {
  status.state = "unreachable";
  if (status.http.empty()) return;
  const auto state = ask_readiness(status.http, whole_ms(limit)).state;
  status.answers = state == Readiness::State::ready || state == Readiness::State::not_ready;
  if (state == Readiness::State::ready) status.state = "up";
  if (state == Readiness::State::not_ready) status.state = "starting";
  if (state == Readiness::State::refused) status.state = when_refused;
}

// A process that was not started for it refuses, and has none on.
std::size_t faults_on(const std::string& address, Duration limit) {
  const auto answer = client::call(address, messages::FaultsRequest{}, limit);
  const auto* faults = answer ? std::get_if<messages::FaultsResponse>(&*answer) : nullptr;
  return faults == nullptr ? 0 : faults->rules.size();
}

ProcessStatus local_status(const LocalCluster& cluster, const LocalProcess& process, Duration limit) {
  ProcessStatus status{.role = process.role,
                       .id = process.id,
                       .pid = {},
                       .state = "down",
                       .native = process.native,
                       .http = process.http,
                       .resp = process.resp,
                       .zone = process.zone,
                       .weight = {},
                       .membership = {}};
  if (process.role == "node") status.weight = process.weight;
  const auto live = LiveProcess::find(cluster.process_dir(process));
  if (!live) return status;
  status.pid = live->pid();
  status.state = "paused";
  // A process that lives and does not listen yet is opening its data.
  if (!live->paused()) look_at_readiness(status, "starting", limit);
  if (status.answers && cluster.allow_fault_injection && process.has_peers())
    status.faults = faults_on(process.native, limit);
  return status;
}

ProcessStatus remote_node_status(const ring::NodeInfo& node, Duration limit) {
  ProcessStatus status{.role = "node",
                       .id = node.id.str(),
                       .pid = {},
                       .state = "unreachable",
                       .native = node.addresses.native,
                       .http = node.addresses.http,
                       .resp = node.addresses.resp,
                       .zone = node.zone,
                       .weight = node.weight,
                       .membership = {}};
  look_at_readiness(status, "down", limit);
  if (status.answers) status.faults = faults_on(status.native, limit);
  return status;
}

// The map names coordinators by native address alone.
ProcessStatus remote_coordinator_status(const std::string& address, Duration limit) {
  const bool answers = client::call(address, messages::MapRequest{}, limit).has_value();
  return {.role = "coordinator",
          .id = address,
          .pid = {},
          .state = answers ? "up" : "unreachable",
          .answers = answers,
          .native = address,
          .http = {},
          .resp = {},
          .zone = {},
          .weight = {},
          .membership = {},
          .faults = answers ? faults_on(address, limit) : 0};
}

std::vector<ProcessStatus> look_at_processes(const ClusterSource& source, Duration limit) {
  std::vector<std::future<ProcessStatus>> pending;
  const auto ask = [&](auto question) { pending.push_back(std::async(std::launch::async, std::move(question))); };
  if (source.local) {
    for (const auto& process : source.local->processes) {
      ask([&source, &process, limit] { return local_status(*source.local, process, limit); });
    }
  } else if (source.map) {
    for (const auto& address : source.map->coordinators) {
      ask([&address, limit] { return remote_coordinator_status(address, limit); });
    }
  }
  for (const auto& node : source.map ? source.map->nodes : std::vector<ring::NodeInfo>{}) {
    // A node may have been started by hand and joined a local cluster.
    if (source.local && source.local->find_or_null(node.id.str()) != nullptr) continue;
    ask([node, limit] { return remote_node_status(node, limit); });
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

// Adds what the primaries know of their members.
void apply_answers(ClusterStatus& status, const ring::ClusterMap& map, Duration limit) {
  std::vector<ring::NodeInfo> nodes;
  for (const auto& node : map.nodes) {
    const auto process = std::ranges::find(status.processes, node.id.str(), &ProcessStatus::id);
    const bool hopeless = process != status.processes.end() && (process->state == "down" || process->state == "paused");
    if (!hopeless) nodes.push_back(node);
  }
  for (auto& [node, answer] : ask_nodes(nodes, messages::PartitionsRequest{}, limit)) {
    auto* response = answer ? std::get_if<messages::PartitionsResponse>(&*answer) : nullptr;
    if (response == nullptr) continue;
    for (auto& partition : response->partitions) {
      const bool is_primary = partition.role == messages::PartitionStatus::Role::primary &&
                              partition.partition.value() < map.entries.size() &&
                              map.entry(partition.partition).primary == node.id;
      if (!is_primary) continue;
      if (!partition.serving) ++status.not_serving;
      for (const auto& member : partition.members) {
        const auto process = std::ranges::find(status.processes, member.node.str(), &ProcessStatus::id);
        if (process != status.processes.end()) process->lag_ms = std::max(process->lag_ms, member.lag_ms);
      }
      status.by_primary.emplace(partition.partition, std::move(partition));
    }
  }
}

}  // namespace

std::string_view to_string(ring::Membership membership) {
  switch (membership) {
    case ring::Membership::active: return "active";
    case ring::Membership::draining: return "draining";
    case ring::Membership::away: return "away";
    case ring::Membership::removing: return "removing";
    case ring::Membership::gone: return "gone";
  }
  GYRE_ASSERT(false);
  return {};
}

void apply_map(ClusterStatus& status, const ring::ClusterMap& map) {
  std::map<std::string, ProcessStatus*> by_id;
  for (auto& process : status.processes) {
    if (process.role != "node") continue;
    by_id[process.id] = &process;
    if (const auto* node = map.find_node(NodeId(process.id))) {
      process.zone = node->zone;
      process.weight = node->weight;
      process.resp = node->addresses.resp;
      process.membership = to_string(node->membership);
    }
  }
  for (const auto& entry : map.entries) {
    for (const auto& member : entry.in_sync) {
      const auto known = by_id.find(member.node.str());
      if (known == by_id.end()) continue;
      ++(member.node == entry.primary ? known->second->primaries : known->second->replicas);
    }
    for (const auto& learner : entry.learners) {
      const auto known = by_id.find(learner.str());
      if (known != by_id.end()) ++known->second->learners;
    }
  }
  std::set<std::string> serving;
  for (auto& [id, process] : by_id) {
    // Not ready, but it answers and is a member: it is on its way back into the in-sync sets.
    if (process->state == "starting" && process->answers && process->learners > 0) process->state = "catching_up";
    if (process->state == "up" || process->state == "catching_up") serving.insert(id);
  }
  for (const auto& entry : map.entries) {
    const auto copies =
        std::ranges::count_if(entry.in_sync, [&](const auto& member) { return serving.contains(member.node.str()); });
    if (!serving.contains(entry.primary.str())) ++status.without_primary;
    if (static_cast<std::size_t>(copies) < map.shape.replication_factor) ++status.under_replicated;
  }
}

ClusterStatus look_at_cluster(const ClusterSource& source, Duration limit) {
  ClusterStatus status;
  status.map = source.map;
  status.processes = look_at_processes(source, limit);
  count_nodes(status);
  if (source.map) {
    status.partitions = source.map->shape.partitions;
    status.replication_factor = source.map->shape.replication_factor;
    apply_map(status, *source.map);
    apply_answers(status, *source.map, limit);
  } else if (source.local) {
    status.partitions = source.local->partitions;
    status.replication_factor = source.local->replication_factor;
    status.without_primary = status.under_replicated = status.partitions;
  }
  return status;
}

}  // namespace gyre::cli
