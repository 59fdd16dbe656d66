// A coordinator with nodes that do what a rebalance asks of them: copy, catch up, hand over, leave, account, delete;
// and that report what they have.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scripted_cluster.h"

namespace gyre::control {

class MovingCluster : public ScriptedCluster {
 public:
  explicit MovingCluster(std::uint32_t nodes, CoordinatorConfig config) : ScriptedCluster(nodes, std::move(config)) {
    watch();
    work(std::chrono::seconds(1));
    h.events.clear();
  }
  MovingCluster(std::uint32_t nodes, std::uint32_t rf) : MovingCluster(nodes, config_for(nodes, rf)) {}

  static CoordinatorConfig config_for(std::uint32_t nodes, std::uint32_t rf, std::uint32_t partitions = 16) {
    CoordinatorConfig config = config_of(nodes, rf);
    config.shape.partitions = partitions;
    config.balance_primaries = false;
    return config;
  }

  // --- What happens ---

  void add(const std::string& id) {
    node[id] = {};
    join(id);
  }
  // Time passes, and the nodes do their work once every heartbeat.
  void work(Duration by) {
    const Instant end = h.now + by;
    while (h.now < end) {
      run(kTiming.heartbeat);
      obey();
    }
  }
  // Works until nothing is left to do. False: it takes too long.
  bool converge(Duration limit = std::chrono::seconds(60)) {
    const Instant end = h.now + limit;
    while (!settled() && h.now < end) work(kTiming.heartbeat);
    work(2 * kTiming.heartbeat);
    return settled();
  }
  void restart_coordinator() {
    h.settle();
    h.restart();
    orders.clear();
    deliver();
  }
  AnswerToken ask(const messages::RequestBody& body) {
    const AnswerToken token = h.request(body);
    deliver();
    return token;
  }
  AnswerToken set(const std::string& id, messages::NodeSetRequest::Action action) {
    return ask(messages::NodeSetRequest{NodeId(id), {}, {}, action});
  }
  // What was wrong with it; empty: it was done.
  std::string refusal(AnswerToken token) const {
    const auto* error = std::get_if<Error>(&h.answers.at(token));
    return error != nullptr ? error->message : "";
  }

  // --- How it is ---

  ClusterState state() { return **h.store.load(); }
  // Every partition has the members that its target has, all in sync.
  bool settled() {
    const ClusterState now = state();
    for (std::uint16_t p = 0; p < now.map.entries.size(); ++p) {
      std::vector<NodeId> wanted = now.target.partitions[p];
      std::vector<NodeId> there;
      for (const auto& member : now.map.entries[p].in_sync) there.push_back(member.node);
      std::ranges::sort(wanted);
      std::ranges::sort(there);
      if (wanted != there || !now.map.entries[p].learners.empty()) return false;
    }
    return true;
  }
  std::size_t copies_on(const std::string& id) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(map().entries, [&](const auto& entry) { return entry.has_member(NodeId(id)); }));
  }
  ring::Membership membership(const std::string& id) const { return map().find_node(NodeId(id))->membership; }
  bool in_map(const std::string& id) const { return map().find_node(NodeId(id)) != nullptr; }

  bool accounts = true;  // deposed primaries say that they have
  bool copies = true;    // learners catch up
  bool deletes = true;   // who is no member any more deletes its copy
  std::uint64_t copy_bytes = 1;  // of every copy, as nodes report it
  // What the rules forbid, as it was seen.
  std::vector<std::string> violations;
  std::size_t most_learners_to_one = 0;
  std::size_t most_learners_from_one = 0;

 private:
  void watch() {
    h.on_stored = [this](const ClusterState& before, const ClusterState& after) {
      check(before, after);
      count_learners(after);
    };
  }

  // Who leaves does so only while the target's copies are in sync, and has accounted.
  void check(const ClusterState& before, const ClusterState& after) {
    for (std::size_t p = 0; p < before.target.partitions.size(); ++p) {
      const ring::PartitionEntry& old_entry = before.map.entries[p];
      const ring::PartitionEntry& new_entry = after.map.entries[p];
      const auto& wanted = before.target.partitions[p];
      const auto copies_there =
          std::ranges::count_if(wanted, [&](const NodeId& id) { return old_entry.find_in_sync(id) != nullptr; });
      for (const NodeId& member : old_entry.members()) {
        const ring::NodeInfo* info = before.map.find_node(member);
        if (new_entry.has_member(member) || info->membership == ring::Membership::gone) continue;
        const ring::ClusterShape& shape = before.map.shape;
        const std::size_t needed =
            std::max<std::size_t>(std::min<std::size_t>(shape.replication_factor, wanted.size()), shape.min_in_sync);
        const std::string what = "partition " + std::to_string(p) + ": " + member.str() + " left ";
        if (static_cast<std::size_t>(copies_there) < needed) violations.push_back(what + "before others were in sync");
        const bool owes =
            std::ranges::find(old_entry.deposed, member, &ring::DeposedPrimary::node) != old_entry.deposed.end();
        if (owes) violations.push_back(what + "without an account");
      }
    }
  }

  // Copies that are being made.
  void count_learners(const ClusterState& now) {
    std::map<NodeId, std::size_t> to;
    std::map<NodeId, std::size_t> from;
    for (std::size_t p = 0; p < now.target.partitions.size(); ++p) {
      const ring::PartitionEntry& entry = now.map.entries[p];
      const auto& wanted = now.target.partitions[p];
      for (const NodeId& learner : entry.learners) {
        if (!up(learner) || std::ranges::find(wanted, learner) == wanted.end()) continue;
        most_learners_to_one = std::max(most_learners_to_one, ++to[learner]);
        most_learners_from_one = std::max(most_learners_from_one, ++from[entry.primary]);
      }
    }
  }

  bool up(const NodeId& id) const {
    const auto found = node.find(id.str());
    return found != node.end() && found->second.up;
  }
  // For so long that its primary drops it.
  bool silent(const NodeId& id) {
    if (up(id)) {
      down_since_.erase(id);
      return false;
    }
    return h.now - down_since_.try_emplace(id, h.now).first->second > kTiming.detection;
  }

  void obey() {
    for (const auto& [id, order] : std::exchange(orders, {})) {
      const ring::PartitionEntry& now = entry(order.partition.value());
      if (!up(NodeId(id)) || now.term != order.term || now.primary != NodeId(id)) continue;
      if (order.kind == messages::Order::Kind::release) {
        released_[{order.partition, order.term}].insert_or_assign(order.node, h.now + kTiming.detection);
      } else if (now.find_in_sync(order.node) != nullptr && up(order.node)) {
        send(id, messages::HandedOver{order.partition, order.term, order.node});
      }
    }
    for (std::uint16_t p = 0; p < map().entries.size(); ++p) {
      serve(p);
      account(p);
      remove_copies(p);
    }
    report();
  }

  // What each node has, as often as real ones say it.
  void report() {
    if (h.now < report_at_) return;
    report_at_ = h.now + std::chrono::seconds(1);
    for (const auto& [id, script] : node) {
      if (!script.up || !in_map(id)) continue;
      messages::LoadReport report;
      for (const auto& [partition, holder] : held_) {
        if (holder == NodeId(id)) report.items.push_back({partition, 0, 0, copy_bytes});
      }
      send(id, std::move(report));
    }
  }

  // Its primary asks for the in-sync set that is best.
  void serve(std::uint16_t p) {
    const ring::PartitionEntry now = entry(p);
    if (now.primary.empty() || !up(now.primary)) return;
    auto& released = released_[{PartitionId(p), now.term}];
    std::erase_if(released, [&](const auto& order) { return order.second <= h.now; });
    std::vector<std::string> ids;
    bool release = false;
    bool dropped = false;
    for (const ring::InSyncMember& member : now.in_sync) {
      if (member.node != now.primary && silent(member.node)) {
        dropped = true;
      } else if (member.node != now.primary && released.contains(member.node)) {
        release = true;
      } else {
        ids.push_back(member.node.str());
      }
    }
    for (const NodeId& learner : now.learners) {
      const bool caught_up = copying_.contains({PartitionId(p), learner}) && copies;
      if (up(learner) && caught_up && !released.contains(learner)) ids.push_back(learner.str());
      if (up(learner)) copying_.insert({PartitionId(p), learner});
    }
    std::erase_if(copying_, [&](const auto& copy) {
      return copy.first == PartitionId(p) && std::ranges::find(now.learners, copy.second) == now.learners.end();
    });
    if (ids.size() == now.in_sync.size() && !release && !dropped) return;
    messages::SetInSync asked = in_sync_request(p, ids);
    asked.release = release && !dropped;
    if (release && dropped) return;  // one after the other
    send(now.primary.str(), asked);
  }

  void account(std::uint16_t p) {
    const ring::PartitionEntry now = entry(p);
    for (const ring::DeposedPrimary& deposed : now.deposed) {
      if (!accounts || !up(deposed.node) || !now.has_member(deposed.node)) continue;
      send(deposed.node.str(), messages::Accounted{PartitionId(p), deposed.term});
    }
  }

  void remove_copies(std::uint16_t p) {
    const ring::PartitionEntry now = entry(p);
    for (const auto& [id, script] : node) {
      const std::pair copy{PartitionId(p), NodeId(id)};
      if (now.has_member(NodeId(id))) {
        held_.insert(copy);
      } else if (deletes && script.up && in_map(id) && held_.erase(copy) > 0) {
        send(id, messages::Retired{PartitionId(p)});
      }
    }
  }

  Instant report_at_{};
  std::map<NodeId, Instant> down_since_;
  // By its primary in that term, which takes an order for withdrawn that is not repeated until then.
  std::map<std::pair<PartitionId, Term>, std::map<NodeId, Instant>> released_;
  std::set<std::pair<PartitionId, NodeId>> copying_;
  std::set<std::pair<PartitionId, NodeId>> held_;
};

}  // namespace gyre::control
