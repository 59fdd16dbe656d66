#include "tests/simulation/sim_coordinator.h"

#include <utility>

#include <fmt/format.h>

#include "base/assert.h"

namespace gyre::simulation {

SimCoordinator::SimCoordinator(Scheduler& scheduler, Network& network, std::string address,
                               control::CoordinatorConfig config)
    : scheduler_(scheduler), network_(network), address_(std::move(address)), config_(std::move(config)) {}

void SimCoordinator::start() {
  GYRE_ASSERT(!up());
  auto stored = store_.load();
  if (!stored) return;  // the store is out of reach: this attempt to start fails
  ++life_;
  machine_ = std::make_unique<control::Coordinator>(config_, *std::move(stored), scheduler_.now());
  network_.listen(address_, {[this](messages::Request request, auto reply) {
                    last_token_ = last_token_.next();
                    open_.emplace(last_token_, Open{request.id, std::move(reply)});
                    machine_->on_request(scheduler_.now(), last_token_, request.body);
                    drive();
                  }});
  scheduler_.trace("c1", "starts");
  drive();
}

void SimCoordinator::crash() {
  if (!up()) return;
  ++life_;
  network_.close(address_);
  machine_.reset();
  open_.clear();
  scheduler_.trace("c1", "crashes");
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
  scheduler_.at(next, [this, life = life_, next] {
    if (life_ != life || machine_->next_deadline() != next) return;
    machine_->on_deadline(scheduler_.now());
    drive();
  });
}

void SimCoordinator::carry_out(const control::SwapState& swap) {
  scheduler_.after(scheduler_.between(std::chrono::microseconds(100), std::chrono::milliseconds(10)),
                   [this, life = life_, swap] {
                     if (life_ != life) return;
                     const auto result = store_.swap(swap.expected, *swap.state);
                     scheduler_.trace("c1", fmt::format("swaps in epoch {}: {}", swap.state->map.epoch.value(),
                                                        result ? "ok" : result.error().message));
                     machine_->on_swapped(scheduler_.now(), result);
                     drive();
                   });
}

void SimCoordinator::carry_out(const control::LoadState&) {
  scheduler_.after(std::chrono::milliseconds(1), [this, life = life_] {
    if (life_ != life) return;
    machine_->on_loaded(scheduler_.now(), store_.load());
    drive();
  });
}

void SimCoordinator::carry_out(const control::Answer& answer) {
  const auto open = open_.extract(answer.token);
  GYRE_ASSERT(!open.empty());
  const auto map = machine_->map();
  open.mapped().reply({open.mapped().id, map ? map->epoch : Epoch(0), answer.body});
}

void SimCoordinator::carry_out(const control::CoordinatorEvent& event) {
  scheduler_.trace("c1", fmt::format("{} {} {}", control::to_string(event.kind), event.node.str(), event.detail));
}

}  // namespace gyre::simulation
