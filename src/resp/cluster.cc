#include "resp/cluster.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "net/address.h"

namespace gyre::resp {

using redis::Reply;
using ring::ClusterMap;
using ring::NodeInfo;
using ring::SlotRange;

namespace {

// Who answers for slots: the primary, then the other members in sync. Those that Redis clients cannot reach are left
// out, and all of them where that is the primary.
using Holders = std::vector<const NodeInfo*>;

Holders holders_of(const ClusterMap& map, const ring::PartitionEntry& entry) {
  const auto reachable = [&](const NodeId& id) -> const NodeInfo* {
    const NodeInfo* node = id.empty() ? nullptr : map.find_node(id);
    return node != nullptr && !node->addresses.resp.empty() ? node : nullptr;
  };
  const NodeInfo* primary = reachable(entry.primary);
  if (primary == nullptr) return {};
  Holders holders{primary};
  for (const auto& member : entry.in_sync) {
    if (member.node == entry.primary) continue;
    if (const NodeInfo* node = reachable(member.node)) holders.push_back(node);
  }
  std::sort(holders.begin() + 1, holders.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
  return holders;
}

struct HeldRange {
  SlotRange slots;
  Holders holders;
};

// In the order of the slots; those that nobody serves are left out, neighbours alike are one.
std::vector<HeldRange> held_ranges(const ClusterMap& map) {
  std::vector<HeldRange> ranges;
  const auto partitioning = map.partitioning();
  for (std::size_t p = 0; p < map.entries.size(); ++p) {
    const SlotRange slots = partitioning.slots(PartitionId(static_cast<std::uint16_t>(p)));
    Holders holders = holders_of(map, map.entries[p]);
    if (holders.empty()) continue;
    if (!ranges.empty() && ranges.back().slots.end == slots.first && ranges.back().holders == holders) {
      ranges.back().slots.end = slots.end;
    } else {
      ranges.push_back({slots, std::move(holders)});
    }
  }
  return ranges;
}

// Forty hex digits, as clients expect; stays with the data directory.
std::string redis_id(const NodeInfo& node) {
  std::string id = node.data_id.str();
  id.resize(40, '0');
  return id;
}

net::HostPort resp_of(const NodeInfo& node) {
  auto at = net::parse_host_port(node.addresses.resp);
  return at ? *at : net::HostPort{};
}

Reply text(std::string_view bytes) { return Reply::bulk(Bytes::copy_of(bytes)); }
Reply number(std::uint64_t value) { return Reply::integer(static_cast<std::int64_t>(value)); }

Reply shard_node(const NodeInfo& node, bool primary) {
  const net::HostPort at = resp_of(node);
  return Reply::map({Reply::bulk_literal("id"), text(redis_id(node)), Reply::bulk_literal("port"), number(at.port),
                     Reply::bulk_literal("ip"), text(at.host), Reply::bulk_literal("endpoint"), text(at.host),
                     Reply::bulk_literal("role"), Reply::bulk_literal(primary ? "master" : "replica"),
                     Reply::bulk_literal("replication-offset"), number(0), Reply::bulk_literal("health"),
                     Reply::bulk_literal("online")});
}

std::string node_line(const ClusterMap& map, const NodeInfo& node, const NodeId& self,
                      const std::vector<HeldRange>& ranges) {
  const net::HostPort at = resp_of(node);
  const auto native = net::parse_host_port(node.addresses.native);
  const bool away = node.membership == ring::Membership::away || node.membership == ring::Membership::gone;
  std::string line = fmt::format("{} {}:{}@{} {}master{} - 0 0 {} {}", redis_id(node), at.host, at.port,
                                 native ? native->port : 0, node.id == self ? "myself," : "", away ? ",fail" : "",
                                 map.epoch.value(), away ? "disconnected" : "connected");
  for (const HeldRange& range : ranges) {
    if (range.holders.front() != &node) continue;
    const std::uint32_t last = range.slots.end - 1;
    line += range.slots.first == last ? fmt::format(" {}", last) : fmt::format(" {}-{}", range.slots.first, last);
  }
  return line + "\n";
}

}  // namespace

Reply tell_cluster_info(const ClusterMap& map, const NodeId&) {
  std::uint32_t served = 0;
  std::set<const NodeInfo*> primaries;
  for (const HeldRange& range : held_ranges(map)) {
    served += range.slots.end - range.slots.first;
    primaries.insert(range.holders.front());
  }
  return text(
      fmt::format("cluster_state:{}\r\ncluster_slots_assigned:{}\r\ncluster_slots_ok:{}\r\ncluster_slots_pfail:0\r\n"
                  "cluster_slots_fail:0\r\ncluster_known_nodes:{}\r\ncluster_size:{}\r\ncluster_current_epoch:{}\r\n"
                  "cluster_my_epoch:{}\r\n",
                  served == limits::kSlots ? "ok" : "fail", served, served, map.nodes.size(), primaries.size(),
                  map.epoch.value(), map.epoch.value()));
}

Reply tell_cluster_myid(const ClusterMap& map, const NodeId& self) {
  const NodeInfo* node = map.find_node(self);
  return node == nullptr ? Reply::error("CLUSTERDOWN this node is in no cluster") : text(redis_id(*node));
}

Reply tell_cluster_nodes(const ClusterMap& map, const NodeId& self) {
  const auto ranges = held_ranges(map);
  std::string lines;
  for (const NodeInfo& node : map.nodes) {
    if (!node.addresses.resp.empty()) lines += node_line(map, node, self, ranges);
  }
  return text(lines);
}

Reply tell_cluster_slots(const ClusterMap& map, const NodeId&) {
  std::vector<Reply> all;
  for (const HeldRange& range : held_ranges(map)) {
    std::vector<Reply> items{number(range.slots.first), number(range.slots.end - 1)};
    for (const NodeInfo* node : range.holders) {
      const net::HostPort at = resp_of(*node);
      items.push_back(Reply::array({text(at.host), number(at.port), text(redis_id(*node)), Reply::array({})}));
    }
    all.push_back(Reply::array(std::move(items)));
  }
  return Reply::array(std::move(all));
}

Reply tell_cluster_shards(const ClusterMap& map, const NodeId&) {
  // By the ids of the holders, so that the order is the same everywhere.
  std::map<std::vector<NodeId>, std::pair<Holders, std::vector<Reply>>> shards;
  for (const HeldRange& range : held_ranges(map)) {
    std::vector<NodeId> ids;
    for (const NodeInfo* node : range.holders) ids.push_back(node->id);
    auto& [holders, slots] = shards[ids];
    holders = range.holders;
    slots.push_back(number(range.slots.first));
    slots.push_back(number(range.slots.end - 1));
  }
  std::vector<Reply> all;
  for (auto& [ids, shard] : shards) {
    std::vector<Reply> nodes;
    for (const NodeInfo* node : shard.first) nodes.push_back(shard_node(*node, node == shard.first.front()));
    all.push_back(Reply::map({Reply::bulk_literal("slots"), Reply::array(std::move(shard.second)),
                              Reply::bulk_literal("nodes"), Reply::array(std::move(nodes))}));
  }
  return Reply::array(std::move(all));
}

}  // namespace gyre::resp
