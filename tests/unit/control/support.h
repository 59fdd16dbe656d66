// A coordinator machine with a memory store behind it, driven by hand.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/hash.h"
#include "control/coordinator.h"
#include "control/memory_store.h"
#include "control/timing.h"

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

inline messages::JoinRequest join_of(ring::NodeInfo node) { return {ClusterId{}, std::move(node), Epoch{}}; }

inline CoordinatorConfig config_of(std::uint32_t initial_nodes, std::uint32_t replication_factor = 1) {
  CoordinatorConfig config;
  config.new_cluster = kCluster;
  config.shape.partitions = 8;
  config.shape.replication_factor = replication_factor;
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
    machine->on_heartbeat(now, token, {NodeId(id), Incarnation(incarnation), known});
    collect();
    return token;
  }
  AnswerToken request(const messages::RequestBody& body) {
    const AnswerToken token = ++last_token_;
    machine->on_request(now, token, body);
    collect();
    return token;
  }
  void advance(Duration by) {
    now += by;
    if (machine->next_deadline() <= now) machine->on_deadline(now);
    collect();
  }

  bool store_busy() const { return !pending_.empty(); }
  // Lets the store do the one operation that waits. False: none does.
  bool step_store() {
    if (pending_.empty()) return false;
    GYRE_ASSERT(pending_.size() == 1);
    const CoordinatorEffect operation = std::exchange(pending_, {}).front();
    if (const auto* swap = std::get_if<SwapState>(&operation)) {
      machine->on_swapped(now, store.swap(swap->expected, *swap->state));
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

  Instant now = kStart;
  MemoryStore store;
  std::optional<Coordinator> machine;
  std::map<AnswerToken, messages::ResponseBody> answers;
  std::vector<CoordinatorEvent> events;

 private:
  struct TokenCounter {
    std::uint64_t value = 0;
    AnswerToken operator++() { return AnswerToken(++value); }
  };

  void collect() {
    for (CoordinatorEffect& effect : machine->take_effects()) {
      if (auto* answer = std::get_if<Answer>(&effect)) {
        GYRE_ASSERT(answers.emplace(answer->token, std::move(answer->body)).second);
      } else if (auto* event = std::get_if<CoordinatorEvent>(&effect)) {
        events.push_back(std::move(*event));
      } else {
        pending_.push_back(std::move(effect));
      }
    }
    machine->check_invariants();
  }

  CoordinatorConfig config_;
  std::vector<CoordinatorEffect> pending_;
  TokenCounter last_token_;
};

}  // namespace gyre::control
