// A dispatcher whose network is the test: what it asks for is collected, what happens is said by hand.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "routing/dispatcher.h"

namespace gyre::routing::testing {

using namespace std::chrono_literals;

inline constexpr Instant kStart{1h};

// A map of 16 partitions; partition i is served by `nodes[i % nodes.size()]`, whose address is "<id>:1".
inline ring::ClusterMapPtr make_map(std::uint64_t epoch, std::vector<std::string> nodes, std::uint64_t term = 1,
                                    std::uint64_t cluster = 7) {
  ring::ClusterMap map;
  map.cluster = Uuid::from_words(cluster, cluster);
  map.epoch = Epoch(epoch);
  map.shape.partitions = 16;
  for (const auto& node : nodes) {
    ring::NodeInfo info;
    info.id = NodeId(node);
    info.addresses.native = node + ":1";
    info.generation = Generation(1);
    map.nodes.push_back(info);
  }
  for (std::size_t i = 0; i < map.shape.partitions; ++i) {
    ring::PartitionEntry entry;
    entry.term = Term(term);
    entry.version = epoch;
    if (!nodes.empty()) {
      entry.primary = NodeId(nodes[i % nodes.size()]);
      entry.in_sync = {{entry.primary, Generation(1)}};
    }
    map.entries.push_back(entry);
  }
  return std::make_shared<const ring::ClusterMap>(std::move(map));
}

// The same, with every node in sync in every partition.
inline ring::ClusterMapPtr make_replicated_map(std::uint64_t epoch, std::vector<std::string> nodes,
                                               std::uint64_t term = 1) {
  ring::ClusterMap map = *make_map(epoch, nodes, term);
  for (auto& entry : map.entries) {
    entry.in_sync.clear();
    for (const auto& node : map.nodes) entry.in_sync.push_back({node.id, Generation(1)});
  }
  return std::make_shared<const ring::ClusterMap>(std::move(map));
}

// A key whose partition (of 16) is `partition`.
inline Bytes key_in(std::uint32_t partition) {
  const ring::Partitioning partitioning(16);
  for (int i = 0;; ++i) {
    const std::string key = "key" + std::to_string(i);
    if (partitioning.of(key).value() == partition) return Bytes::copy_of(key);
  }
}

inline messages::RequestBody get(std::uint32_t partition) { return messages::GetRequest{key_in(partition)}; }

inline messages::RequestBody read(std::uint32_t partition, messages::ReadLevel level) {
  return messages::GetRequest{key_in(partition), true, {level, {}, {}}};
}

inline messages::RequestBody put(std::uint32_t partition) {
  messages::WriteOperation operation;
  operation.key = key_in(partition);
  return messages::WriteRequest{{operation}};
}

inline Position at(std::uint64_t term, std::uint64_t sequence) { return {Term(term), Sequence(sequence)}; }

// The answer to put(): it was written at `position`. `history`: of the terms from that on which the session had seen.
inline messages::WriteResponse wrote(Position position, messages::TermHistory history = {}) {
  messages::WriteOutcome outcome{position, false, true, 0};
  return {{outcome}, {position, std::move(history)}};
}

inline messages::GetResponse got(Position position, messages::TermHistory history = {}) {
  return {messages::Record{}, -1, {position, std::move(history)}};
}

inline Error error(ErrorCode code, Outcome outcome = Outcome::not_applied) {
  return Error{code, outcome, "scripted", {}};
}

class ScriptedClient {
 public:
  explicit ScriptedClient(DispatcherOptions options = {.seeds = {"seed:1"}, .random_seed = 1}) : machine(options) {}

  // Gives the client a map without traffic.
  void learn(ring::ClusterMapPtr map) {
    machine.on_map(now, std::move(map));
    collect();
  }
  CallId call(messages::RequestBody body, Duration budget = 2s, std::uint64_t affinity = 0) {
    const CallId id(++last_call);
    machine.on_call(now, id, Call{std::move(body), now + budget, affinity});
    collect();
    return id;
  }
  void connected(LinkId link) {
    machine.on_connected(now, link);
    collect();
  }
  // Opens every connection asked for so far.
  void connect_all() {
    while (!connects.empty()) {
      const LinkId link = connects.front().link;
      connects.pop_front();
      connected(link);
    }
  }
  void refuse_all() {
    for (const auto& connect : std::exchange(connects, {})) {
      machine.on_connect_failed(now, connect.link, error(ErrorCode::unavailable));
    }
    collect();
  }
  void lose(LinkId link) {
    machine.on_connection_lost(now, link, error(ErrorCode::unavailable));
    collect();
  }
  void answer(const Send& send, messages::ResponseBody body, std::uint64_t epoch = 0) {
    machine.on_response(now, send.link, messages::Response{send.request.id, Epoch(epoch), std::move(body)});
    collect();
  }
  void shut_down() {
    machine.on_shutdown();
    collect();
  }
  // Moves time on, firing what is due on the way.
  void pass(Duration time) {
    const Instant end = now + time;
    while (machine.next_deadline() <= end) {
      now = std::max(now, machine.next_deadline());
      machine.on_deadline(now);
      collect();
    }
    now = end;
  }

  // Takes what was sent to the nodes so far: calls, or questions for the map.
  std::vector<Send> take_calls() { return take(false); }
  std::vector<Send> take_questions() { return take(true); }
  std::string address_of(const Send& send) const { return addresses.at(send.link); }
  bool done(CallId id) const { return completed.contains(id); }
  const Result<messages::ResponseBody>& result(CallId id) const { return completed.at(id); }

  Dispatcher machine;
  Instant now = kStart;
  std::deque<Connect> connects;
  std::vector<LinkId> disconnects;
  std::vector<Send> sends;
  std::map<LinkId, std::string> addresses;
  std::map<CallId, Result<messages::ResponseBody>> completed;
  std::vector<Lost> losses;

 private:
  void collect() {
    machine.check_invariants();
    for (auto& effect : machine.take_effects()) {
      if (auto* connect = std::get_if<Connect>(&effect)) {
        addresses[connect->link] = connect->address;
        connects.push_back(*connect);
      } else if (auto* send = std::get_if<Send>(&effect)) {
        sends.push_back(std::move(*send));
      } else if (auto* disconnect = std::get_if<Disconnect>(&effect)) {
        disconnects.push_back(disconnect->link);
      } else if (auto* lost = std::get_if<Lost>(&effect)) {
        losses.push_back(std::move(*lost));
      } else if (auto* complete = std::get_if<Complete>(&effect)) {
        if (!completed.emplace(complete->call, std::move(complete->result)).second) std::abort();  // twice
      }
    }
  }
  std::vector<Send> take(bool questions) {
    std::vector<Send> wanted;
    std::vector<Send> others;
    for (auto& send : sends) {
      const bool question = std::holds_alternative<messages::MapRequest>(send.request.body);
      (question == questions ? wanted : others).push_back(std::move(send));
    }
    sends = std::move(others);
    return wanted;
  }

  std::uint64_t last_call = 0;
};

}  // namespace gyre::routing::testing
