// A coordinator machine with a memory store behind it, driven by hand.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/hash.h"
#include "control/coordinator.h"
#include "control/memory_store.h"

namespace gyre::control {

inline const ClusterId kCluster = Uuid::from_words(1, 1);
inline constexpr Instant kStart{std::chrono::seconds(100)};

inline ring::NodeInfo node_info(const std::string& id, std::uint64_t incarnation = 1) {
  ring::NodeInfo node;
  node.id = NodeId(id);
  node.data_id = Uuid::from_words(7, hash64(id));
  node.incarnation = Incarnation(incarnation);
  node.addresses.native = id + ".test:7400";
  return node;
}

inline constexpr Timing kTiming;

inline messages::JoinRequest join_of(ring::NodeInfo node) { return {ClusterId{}, std::move(node), Epoch{}}; }

inline CoordinatorConfig config_of(std::uint32_t initial_nodes, std::uint32_t replication_factor = 1) {
  CoordinatorConfig config;
  config.new_cluster = kCluster;
  config.shape.partitions = 8;
  config.shape.replication_factor = replication_factor;
  config.shape.min_in_sync = std::min(2u, replication_factor);
  config.shape.vnodes = 16;
  config.initial_nodes = initial_nodes;
  config.addresses = {"c1.test:7300"};
  return config;
}

class Harness {
 public:
  explicit Harness(CoordinatorConfig config) : config_(std::move(config)) { restart(); }

  // A new coordinator process on the same store.
  void restart() {
    auto stored = store.load();
    GYRE_ASSERT(stored);
    machine.emplace(config_, std::move(*stored), now);
    pending_.clear();
    collect();
  }

  AnswerToken join(messages::JoinRequest request) {
    const AnswerToken token = ++last_token_;
    machine->on_join(now, token, request);
    collect();
    return token;
  }
  AnswerToken heartbeat(const std::string& id, std::uint64_t incarnation = 1, Epoch known = {}) {
    const AnswerToken token = ++last_token_;
    machine->on_heartbeat(now, token, {kCluster, NodeId(id), Incarnation(incarnation), known});
    collect();
    return token;
  }
  AnswerToken request(const messages::RequestBody& body) {
    const AnswerToken token = ++last_token_;
    machine->on_request(now, token, body);
    collect();
    return token;
  }
  // A one-way message of a node's.
  void send(const std::string& from, messages::Message message, std::uint64_t incarnation = 1) {
    machine->on_message(now, {kCluster, NodeId(from), Incarnation(incarnation)}, std::move(message));
    collect();
  }
  void connection_lost(const std::string& node) {
    machine->on_connection_lost(now, NodeId(node));
    collect();
  }
  void probed(const std::string& node, bool refused, std::uint64_t incarnation = 1) {
    machine->on_probed(now, NodeId(node), Incarnation(incarnation), refused);
    collect();
  }
  // Lets time pass, from deadline to deadline.
  void advance(Duration by) {
    const Instant end = now + by;
    while (machine->next_deadline() <= end) {
      now = std::max(now, machine->next_deadline());
      machine->on_deadline(now);
      collect();
    }
    now = end;
  }
  // As for a process that did not run meanwhile.
  void pass(Duration by) {
    now += by;
    machine->on_deadline(now);
    collect();
  }

  bool store_busy() const { return !pending_.empty(); }
  // Lets the store do the one operation that waits. False: none does.
  bool step_store() {
    if (pending_.empty()) return false;
    GYRE_ASSERT(pending_.size() == 1);
    const CoordinatorEffect operation = std::exchange(pending_, {}).front();
    if (const auto* swap = std::get_if<SwapState>(&operation)) {
      machine->on_swapped(now, on_stored ? swap_watched(*swap) : store.swap(swap->expected, *swap->state));
    } else {
      machine->on_loaded(now, store.load());
    }
    collect();
    return true;
  }
  void settle() {
    while (step_store()) {
    }
  }

  // What `token` was answered; REQUIRES: it was.
  template <class T>
  const T& answer(AnswerToken token) const {
    return std::get<T>(answers.at(token));
  }
  const Error& error(AnswerToken token) const { return answer<Error>(token); }
  bool answered(AnswerToken token) const { return answers.contains(token); }
  std::size_t count(CoordinatorEvent::Kind kind) const {
    return static_cast<std::size_t>(std::ranges::count(events, kind, &CoordinatorEvent::kind));
  }

  std::vector<std::string> details(CoordinatorEvent::Kind kind) const {
    std::vector<std::string> found;
    for (const CoordinatorEvent& event : events) {
      if (event.kind == kind) found.push_back(event.detail);
    }
    return found;
  }
  // The messages of one kind sent to `node` since the last look.
  template <class T>
  std::vector<T> take_sent(const std::string& node) {
    std::vector<T> found;
    std::erase_if(sent, [&](SendToNode& send) {
      T* message = send.node == NodeId(node) ? std::get_if<T>(&send.message) : nullptr;
      if (message != nullptr) found.push_back(std::move(*message));
      return message != nullptr;
    });
    return found;
  }

  // Sees every change of what is stored.
  std::function<void(const ClusterState& before, const ClusterState& after)> on_stored;
  bool checks = true;  // of invariants, after everything
  Instant now = kStart;
  MemoryStore store;
  std::optional<Coordinator> machine;
  std::map<AnswerToken, messages::ResponseBody> answers;
  std::vector<CoordinatorEvent> events;
  std::vector<SendToNode> sent;
  std::vector<Probe> probes;

 private:
  struct TokenCounter {
    std::uint64_t value = 0;
    AnswerToken operator++() { return AnswerToken(++value); }
  };

  Result<void> swap_watched(const SwapState& swap) {
    const auto before = store.load();
    const Result<void> outcome = store.swap(swap.expected, *swap.state);
    const auto after = store.load();
    if (before && *before && after && **before != **after) on_stored(**before, **after);
    return outcome;
  }

  void collect() {
    for (CoordinatorEffect& effect : machine->take_effects()) {
      if (auto* answer = std::get_if<Answer>(&effect)) {
        GYRE_ASSERT(answers.emplace(answer->token, std::move(answer->body)).second);
      } else if (auto* event = std::get_if<CoordinatorEvent>(&effect)) {
        events.push_back(std::move(*event));
      } else if (auto* send = std::get_if<SendToNode>(&effect)) {
        sent.push_back(std::move(*send));
      } else if (auto* probe = std::get_if<Probe>(&effect)) {
        probes.push_back(std::move(*probe));
      } else {
        pending_.push_back(std::move(effect));
      }
    }
    if (checks) machine->check_invariants();
  }

  CoordinatorConfig config_;
  std::vector<CoordinatorEffect> pending_;
  TokenCounter last_token_;
};

}  // namespace gyre::control
