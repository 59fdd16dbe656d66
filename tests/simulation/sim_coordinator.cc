#include "tests/simulation/sim_coordinator.h"

#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "tests/simulation/describe.h"

namespace gyre::simulation {

using namespace std::chrono_literals;

SimCoordinator::SimCoordinator(Scheduler& scheduler, Network& network, CoordinatorObserver& observer,
                               control::CoordinatorConfig config, double clock_rate)
    : scheduler_(scheduler),
      network_(network),
      observer_(observer),
      host_(network.add_host("c1")),
      config_(std::move(config)),
      clock_rate_(clock_rate),
      clock_(scheduler.now(), Instant(), 1, 0s) {}

SimCoordinator::~SimCoordinator() = default;

void SimCoordinator::start() {
  GYRE_ASSERT(!up());
  auto stored = store_.load();
  if (!stored) return;  // the store is out of reach: this attempt to start fails
  ++life_;
  ++incarnations_;
  paused_ = false;
  clock_ = Clock(scheduler_.now(), Instant(scheduler_.between(10s, 100'000s)), clock_rate_, 0s);
  machine_ = std::make_unique<control::Coordinator>(config_, *std::move(stored), local());
  observer_.on_coordinator_runs({});
  const auto into = [this, life = life_](Event event) { enter(life, std::move(event)); };
  network_.listen(host_, {[this, into](messages::Request request, auto reply) {
                            if (const auto* heartbeat = std::get_if<messages::HeartbeatRequest>(&request.body)) {
                              observer_.on_coordinator_reached(heartbeat->node, nullptr);
                            }
                            into([this, request = std::move(request), reply = std::move(reply)]() mutable {
                              ask(std::move(request.body),
                                  [this, id = request.id, reply = std::move(reply)](auto body) {
                                    const auto map = machine_->map();
                                    reply({id, map ? map->epoch : Epoch(0), std::move(body)});
                                  });
                            });
                          },
                          [this, into](const messages::Sender& from, messages::Message message) {
                            observer_.on_coordinator_reached(from.node, &message);
                            into([this, from, message = std::move(message)]() mutable {
                              machine_->on_message(local(), from, std::move(message));
                              drive();
                            });
                          },
                          [this, into](HostId lost) {
                            into([this, lost] {
                              if (!NodeId::valid(network_.name(lost))) return;
                              machine_->on_connection_lost(local(), NodeId(network_.name(lost)));
                              drive();
                            });
                          }});
  scheduler_.trace("c1", "starts");
  drive();
}

void SimCoordinator::crash() {
  if (!up()) return;
  ++life_;
  paused_ = false;
  observer_.on_coordinator_rests();
  network_.close(host_, false);
  machine_.reset();
  open_.clear();
  waiting_.clear();
  scheduler_.trace("c1", "crashes");
}

void SimCoordinator::pause() {
  if (!up() || paused_) return;
  paused_ = true;
  paused_at_ = scheduler_.now();
  scheduler_.trace("c1", "is paused");
  observer_.on_coordinator_rests();
}

void SimCoordinator::resume() {
  if (!paused_) return;
  paused_ = false;
  scheduler_.trace("c1", "is resumed");
  observer_.on_coordinator_runs(scheduler_.now() - paused_at_);
  while (!paused_ && !waiting_.empty()) {
    Event next = std::move(waiting_.front());
    waiting_.pop_front();
    next();
  }
}

void SimCoordinator::enter(std::uint64_t life, Event event) {
  if (life_ != life) return;
  if (paused_ || !waiting_.empty()) return waiting_.push_back(std::move(event));
  event();
}

void SimCoordinator::ask(messages::RequestBody body, std::function<void(messages::ResponseBody)> done) {
  if (const auto* promote = std::get_if<messages::PromoteRequest>(&body)) observer_.on_coordinator_asked(*promote);
  last_token_ = last_token_.next();
  open_.emplace(last_token_, std::move(done));
  machine_->on_request(local(), last_token_, body);
  drive();
}

void SimCoordinator::check_invariants() const {
  if (up()) machine_->check_invariants();
}

void SimCoordinator::drive() {
  for (const auto& effect : machine_->take_effects()) {
    std::visit([this](const auto& e) { carry_out(e); }, effect);
  }
  const Instant next = machine_->next_deadline();
  if (next == kNever) return;
  scheduler_.at(clock_.when(next), [this, life = life_, next] {
    enter(life, [this, next] {
      if (machine_->next_deadline() != next) return;
      machine_->on_deadline(local());
      drive();
    });
  });
}

// --- Effects ---

void SimCoordinator::carry_out(const control::SwapState& state) {
  const Swap swap{life_, ++decisions_, state};
  observer_.on_coordinator_decides(swap.decision);
  if (hold_swaps_) return held_swaps_.push_back(swap);
  scheduler_.after(scheduler_.between(100us, 10ms), [this, swap] {
    // A swap that is under way may land after the death of who asked for it.
    if (life_ == swap.life || scheduler_.rng().chance(0.5)) swap_now(swap);
  });
}

void SimCoordinator::swap_now(const Swap& swap) {
  const auto result = store_.swap(swap.state.expected, *swap.state.state);
  const auto stored = store_.load();
  if (stored && *stored && (!state_ || (**stored).map.epoch != state_->map.epoch)) {
    const auto before = std::exchange(state_, std::make_unique<control::ClusterState>(**stored));
    scheduler_.trace("c1", fmt::format("epoch {} is stored", state_->map.epoch.value()));
    for (std::size_t i = 0; i < state_->map.entries.size(); ++i) {
      if (before && before->map.entries[i] == state_->map.entries[i]) continue;
      scheduler_.trace("c1", fmt::format("  partition {}: {}", i, describe(state_->map.entries[i])));
    }
    for (const ring::NodeInfo& node : state_->map.nodes) {
      const ring::NodeInfo* known = before ? before->map.find_node(node.id) : nullptr;
      if (known != nullptr && known->membership == node.membership && known->weight == node.weight) continue;
      scheduler_.trace("c1", fmt::format("  {}: {}, weight {}", node.id.str(), describe(node.membership), node.weight));
    }
    if (!before || before->target != state_->target) {
      observer_.on_target(state_->target);
      for (std::size_t i = 0; i < state_->target.partitions.size(); ++i) {
        scheduler_.trace("c1", fmt::format("  target of partition {}: {}", i, describe(state_->target.partitions[i])));
      }
    }
    observer_.on_swapped(swap.decision, before ? &before->map : nullptr, state_->map);
  }
  if (!result) scheduler_.trace("c1", "cannot swap: " + result.error().message);
  enter(swap.life, [this, result] {
    machine_->on_swapped(local(), result);
    drive();
  });
}

void SimCoordinator::hold_swaps(bool hold) {
  hold_swaps_ = hold;
  if (hold) return;
  for (const Swap& swap : std::exchange(held_swaps_, {})) swap_now(swap);
}

void SimCoordinator::carry_out(const control::LoadState&) {
  scheduler_.after(1ms, [this, life = life_] {
    enter(life, [this] {
      machine_->on_loaded(local(), store_.load());
      drive();
    });
  });
}

void SimCoordinator::carry_out(const control::Answer& answer) {
  auto open = open_.extract(answer.token);
  GYRE_ASSERT(!open.empty());
  open.mapped()(answer.body);
}

void SimCoordinator::carry_out(const control::SendToNode& send) {
  const auto host = network_.find_host(send.node.str());
  const auto map = machine_->map();
  if (!host || !map) return;
  if (scheduler_.verbose()) {
    scheduler_.trace_detail("c1", fmt::format("-> {}: {}", send.node.str(), describe(send.message)));
  }
  observer_.on_coordinator_sent(send.node, send.message);
  network_.post({host_, *host, {map->cluster, NodeId(), Incarnation(incarnations_)}, send.message});
  if (at_next_seal_ && std::holds_alternative<messages::Seal>(send.message)) std::exchange(at_next_seal_, nullptr)();
}

void SimCoordinator::carry_out(const control::Probe& probe) {
  const auto host = network_.find_host(probe.node.str());
  if (!host) return;
  const Network::Port port = network_.port(host_, *host);
  const Duration takes = port == Network::Port::silent ? 1s : network_.delay();
  scheduler_.after(takes, [this, life = life_, probe, refused = port == Network::Port::refuses] {
    enter(life, [this, probe, refused] {
      machine_->on_probed(local(), probe.node, probe.incarnation, refused);
      drive();
    });
  });
}

void SimCoordinator::carry_out(const control::CoordinatorEvent& event) {
  scheduler_.trace("c1", fmt::format("{} {} {}", control::to_string(event.kind), event.node.str(), event.detail));
}

}  // namespace gyre::simulation
