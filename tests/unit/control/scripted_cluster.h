// A coordinator with nodes that answer it as their scripts say, over a network without faults.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "support.h"

namespace gyre::control {

struct ScriptedNode {
  std::uint64_t incarnation = 1;
  Generation generation{1};
  bool up = true;            // its heartbeats and answers arrive
  bool hears_primary = false;  // what it says to polls
  bool seals = true;
  bool whole = true;
  Position position;  // of every partition
  std::map<PartitionId, Term> promised;
  ring::ClusterMapPtr map;
  std::size_t polled = 0;
  std::size_t sealed = 0;  // messages
};

class ScriptedCluster {
 public:
  // Nodes n1, n2, ... hold every partition, all of them in sync.
  explicit ScriptedCluster(std::uint32_t nodes, CoordinatorConfig config) : h(std::move(config)) {
    for (std::uint32_t i = 1; i <= nodes; ++i) {
      const std::string id = "n" + std::to_string(i);
      node[id] = {};
      join(id);
    }
    all_in_sync();
    h.events.clear();
  }
  explicit ScriptedCluster(std::uint32_t nodes = 3) : ScriptedCluster(nodes, config_for(nodes)) {}

  static CoordinatorConfig config_for(std::uint32_t nodes) {
    CoordinatorConfig config = config_of(nodes, nodes);
    config.balance_primaries = false;
    return config;
  }

  AnswerToken join(const std::string& id) {
    ring::NodeInfo info = node_info(id, node[id].incarnation);
    info.generation = node[id].generation;
    messages::JoinRequest request = join_of(info);
    const AnswerToken token = h.join(request);
    h.settle();
    if (h.answered(token)) {
      if (const auto* joined = std::get_if<messages::JoinResponse>(&h.answers.at(token))) node[id].map = joined->map;
    }
    deliver();
    return token;
  }
  // A new process of the node.
  void restart(const std::string& id) {
    ++node[id].incarnation;
    node[id].up = true;
    join(id);
  }
  // The process is gone, and the coordinator sees it at once.
  void kill(const std::string& id) {
    node[id].up = false;
    h.connection_lost(id);
    h.probed(id, true, node[id].incarnation);
    deliver();
  }
  void silence(const std::string& id) { node[id].up = false; }

  const ring::ClusterMap& map() const { return *h.machine->map(); }
  const ring::PartitionEntry& entry(std::uint16_t partition = 0) const { return map().entries[partition]; }
  std::string primary(std::uint16_t partition = 0) const { return entry(partition).primary.str(); }
  std::vector<std::string> in_sync(std::uint16_t partition = 0) const {
    std::vector<std::string> names;
    for (const auto& member : entry(partition).in_sync) names.push_back(member.node.str());
    std::ranges::sort(names);
    return names;
  }
  std::vector<std::uint16_t> partitions_of(const std::string& id) const {
    std::vector<std::uint16_t> found;
    for (std::uint16_t p = 0; p < map().entries.size(); ++p) {
      if (primary(p) == id) found.push_back(p);
    }
    return found;
  }
  // A node other than the primary, by number from 0.
  std::string other(std::uint16_t partition, std::size_t number) const {
    std::vector<std::string> others;
    for (const auto& [id, script] : node) {
      if (id != primary(partition)) others.push_back(id);
    }
    return others.at(number);
  }

  void send(const std::string& from, messages::Message message) {
    h.send(from, std::move(message), node[from].incarnation);
    deliver();
  }
  // The primary asks for this in-sync set.
  messages::SetInSync in_sync_request(std::uint16_t partition, const std::vector<std::string>& ids) {
    messages::SetInSync asked{PartitionId(partition), entry(partition).term, entry(partition).version, {}, false};
    for (const std::string& id : ids) asked.in_sync.push_back({NodeId(id), node[id].generation});
    return asked;
  }
  void set_in_sync(std::uint16_t partition, const std::vector<std::string>& ids) {
    send(primary(partition), in_sync_request(partition, ids));
  }
  void all_in_sync() {
    std::vector<std::string> ids;
    for (const auto& [id, script] : node) ids.push_back(id);
    for (std::uint16_t p = 0; p < map().entries.size(); ++p) {
      if (in_sync(p) != ids) set_in_sync(p, ids);
    }
  }

  // Time passes; nodes that are up send heartbeats and answer.
  void run(Duration by) {
    const Instant end = h.now + by;
    while (h.now < end) {
      for (auto& [id, script] : node) {
        if (!script.up) continue;
        const AnswerToken token = h.heartbeat(id, script.incarnation, script.map ? script.map->epoch : Epoch());
        learn(script, h.answer<messages::HeartbeatResponse>(token).update);
      }
      deliver();
      h.advance(std::min<Duration>(kTiming.heartbeat / 2, end - h.now));
      deliver();
    }
  }
  // Everything that is under way arrives.
  void deliver() {
    h.settle();
    while (!h.sent.empty()) {
      for (SendToNode& send : std::exchange(h.sent, {})) receive(send.node.str(), send.message);
      h.settle();
    }
  }

  // What does not fit the map that the node has, it asks for as a whole, with its next heartbeat.
  static void learn(ScriptedNode& script, const ring::MapUpdate& update) {
    const auto map = ring::apply(script.map, update);
    script.map = map ? *map : nullptr;
  }

  Harness h;
  std::map<std::string, ScriptedNode> node;
  std::vector<std::pair<std::string, messages::Order>> orders;

 private:
  void receive(const std::string& id, messages::Message& message) {
    const auto found = node.find(id);
    if (found == node.end() || !found->second.up) return;
    ScriptedNode& script = found->second;
    if (const auto* poll = std::get_if<messages::Poll>(&message)) {
      ++script.polled;
      messages::PollAnswer answer;
      for (const auto& [p, term] : poll->partitions) answer.items.push_back({p, term, script.hears_primary});
      h.send(id, answer, script.incarnation);
    } else if (const auto* seal = std::get_if<messages::Seal>(&message)) {
      if (!script.seals) return;
      ++script.sealed;
      messages::SealAnswer answer{script.generation, {}};
      for (const auto& [p, term] : seal->partitions) {
        Term& promised = script.promised[p];
        promised = std::max(promised, term);
        answer.items.push_back({p, promised, script.position, script.whole, Duration(0)});
      }
      h.send(id, answer, script.incarnation);
    } else if (const auto* push = std::get_if<messages::MapPush>(&message)) {
      learn(script, push->update);
    } else if (const auto* order = std::get_if<messages::Order>(&message)) {
      orders.emplace_back(id, *order);
    }
  }
};

}  // namespace gyre::control
