#include "tests/simulation/faults.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gyre::simulation {

using namespace std::chrono_literals;

void Faults::work_until(WorldTime end) {
  end_ = end;
  next();
}

void Faults::next() {
  scheduler().after(scheduler().between(options_.pause_min, options_.pause_max), [this] {
    if (scheduler().now() >= end_) return;
    strike();
    next();
  });
}

void Faults::later(Duration from, Duration to, Event event) {
  scheduler().after(scheduler().between(from, to), [this, event = std::move(event)]() mutable {
    if (scheduler().now() < end_) event();
  });
}

SimNode& Faults::any_node() {
  std::vector<NodeIndex> nodes;
  for (NodeIndex i = 0; i < cluster_.nodes(); ++i) {
    if (cluster_.takes_part(i)) nodes.push_back(i);
  }
  // Where all were removed, one that is down: nothing happens to it.
  return cluster_.node(nodes.empty() ? 0 : nodes[rng().below(nodes.size())]);
}

void Faults::strike() {
  const std::pair<unsigned, void (Faults::*)()> kinds[] = {
      {options_.process_pauses, &Faults::pause_node},         {options_.process_stops, &Faults::stop_node},
      {options_.coordinator_dies, &Faults::kill_coordinator}, {options_.coordinator_pauses, &Faults::pause_coordinator},
      {options_.elections_pause, &Faults::pause_an_election}, {options_.link_cut, &Faults::cut_link},
      {options_.node_cut_off, &Faults::cut_node_off},         {options_.links_swizzled, &Faults::swizzle},
      {options_.network_noisy, &Faults::make_noise},          {options_.disk_fails, &Faults::break_disk},
      {options_.store_fails, &Faults::break_store},           {options_.ledger_fails, &Faults::break_ledger}};
  const std::pair<unsigned, Death> deaths[] = {{options_.process_dies, Death::process},
                                               {options_.machine_dies, Death::machine},
                                               {options_.disk_dies, Death::disk}};
  unsigned all = 0;
  for (const auto& kind : kinds) all += kind.first;
  for (const auto& death : deaths) all += death.first;
  if (all == 0) return;
  ++count_;
  auto dice = rng().below(all);
  for (const auto& [weight, death] : deaths) {
    if (dice < weight) return kill(death);
    dice -= weight;
  }
  for (const auto& [weight, strike] : kinds) {
    if (dice < weight) return (this->*strike)();
    dice -= weight;
  }
}

// --- Processes ---

void Faults::kill(SimNode& node, Death death) {
  node.crash(death);
  if (death != Death::process) {
    later(100ms, 1500ms, [this, &node] {
      if (!node.up()) cluster_.network().set_machine_up(node.host_id());
    });
  }
  const Duration longest = rng().chance(0.3) ? Duration(4s) : Duration(500ms);
  later(20ms, longest, [&node] {
    if (!node.up() && !node.removed()) node.start();
  });
}

void Faults::pause_node() {
  SimNode& node = any_node();
  node.pause();
  const Duration longest = rng().chance(0.5) ? Duration(5s) : Duration(600ms);
  later(20ms, longest, [&node] { node.resume(); });
}

void Faults::stop_node() {
  SimNode& node = any_node();
  node.stop();
  later(1s, 4s, [&node] {
    node.crash(Death::process);  // if it has not ended by itself
    if (!node.removed()) node.start();
  });
}

void Faults::kill_coordinator() {
  cluster_.coordinator().crash();
  later(0ms, 2s, [this] {
    if (!cluster_.coordinator().up()) cluster_.coordinator().start();
  });
}

void Faults::pause_coordinator() { pause_coordinator(50ms, 3s); }

void Faults::pause_coordinator(Duration shortest, Duration longest) {
  cluster_.coordinator().pause();
  later(shortest, longest, [this] { cluster_.coordinator().resume(); });
}

// It wakes when all answers have long been there, and reads one after the other.
void Faults::pause_an_election() {
  if (cluster_.map() == nullptr || scheduler().now() >= end_) return;
  const Duration detection = cluster_.options().shape.timing.detection;
  cluster_.coordinator().at_next_seal([this, detection] {
    if (scheduler().now() < end_) pause_coordinator(detection, 3 * detection);
  });
  // Most elections begin with the death of a primary.
  const auto& entries = cluster_.map()->entries;
  const NodeId primary = entries[rng().below(entries.size())].primary;
  for (NodeIndex i = 0; i < cluster_.nodes(); ++i) {
    if (cluster_.node(i).id() == primary && rng().chance(0.7)) kill(cluster_.node(i), Death::process);
  }
}

// --- Network ---

void Faults::cut_link() {
  Network& network = cluster_.network();
  const HostId from = any_host();
  const HostId to = any_host();
  if (from == to) return;
  network.cut(from, to);
  if (rng().chance(0.5)) network.cut(to, from);
  scheduler().trace("net", fmt::format("cuts {} -> {}{}", network.name(from), network.name(to),
                                       network.is_cut(to, from) ? " and back" : ""));
  later(50ms, 4s, [&network, from, to] {
    network.heal(from, to);
    network.heal(to, from);
  });
}

void Faults::cut_node_off() {
  Network& network = cluster_.network();
  const HostId host = any_node().host_id();
  const bool clients_too = rng().chance(0.3);
  const bool coordinator_too = rng().chance(0.5);
  for (HostId other = 0; other < network.hosts(); ++other) {
    const bool client = network.name(other).front() == 'u';
    const bool coordinator = network.name(other).front() == 'c';
    if (other == host || (client && !clients_too) || (coordinator && !coordinator_too)) continue;
    network.cut_both(host, other);
  }
  scheduler().trace("net", fmt::format("cuts {} off{}{}", network.name(host), clients_too ? ", clients too" : "",
                                       coordinator_too ? ", the coordinator too" : ""));
  later(100ms, 5s, [&network, host] {
    for (HostId other = 0; other < network.hosts(); ++other) {
      network.heal(host, other);
      network.heal(other, host);
    }
  });
}

// Links are cut one by one in one order, and heal one by one in another.
void Faults::swizzle() {
  Network& network = cluster_.network();
  std::vector<std::pair<HostId, HostId>> links;
  for (HostId from = 0; from < network.hosts(); ++from) {
    for (HostId to = 0; to < network.hosts(); ++to) {
      if (from != to && rng().chance(0.6)) links.emplace_back(from, to);
    }
  }
  scheduler().trace("net", fmt::format("swizzles {} links", links.size()));
  std::shuffle(links.begin(), links.end(), rng());
  Duration at = 0ms;
  for (const auto& [from, to] : links) {
    at += scheduler().between(0ms, 60ms);
    scheduler().after(at, [this, &network, from, to] {
      if (scheduler().now() < end_) network.cut(from, to);
    });
  }
  std::shuffle(links.begin(), links.end(), rng());
  for (const auto& [from, to] : links) {
    at += scheduler().between(0ms, 60ms);
    scheduler().after(at, [&network, from, to] { network.heal(from, to); });
  }
}

void Faults::make_noise() {
  NetworkFaults& faults = cluster_.network().faults();
  faults = {};
  if (rng().chance(0.2)) return;
  faults.spike = rng().unit() * 0.3;
  faults.spike_max = rng().chance(0.3) ? Duration(1500ms) : Duration(60ms);
  faults.reset = rng().chance(0.5) ? rng().unit() * 0.01 : 0;
  faults.loss = rng().chance(0.5) ? rng().unit() * 0.2 : 0;
  faults.duplicate = rng().chance(0.5) ? rng().unit() * 0.1 : 0;
}

// --- Storage ---

void Faults::break_disk() {
  SimNode& node = any_node();
  switch (rng().below(4)) {
    case 0:
      node.set_disk_full(true);
      scheduler().trace(node.id().str(), "has a full disk");
      later(100ms, 3s, [&node] { node.set_disk_full(false); });
      break;
    case 1:
      node.set_disk_stalled(true);
      scheduler().trace(node.id().str(), "has a stalled store");
      later(50ms, 2s, [&node] { node.set_disk_stalled(false); });
      break;
    default:
      storage::FaultPlan plan;
      plan.seed = rng().next();
      plan.needs_disk = rng().chance(0.5) ? rng().unit() : 0;
      plan.busy = rng().chance(0.3) ? rng().unit() * 0.2 : 0;
      plan.commit_fails = rng().chance(0.3) ? 0.003 : 0;
      plan.sync_fails = rng().chance(0.3) ? 0.02 : 0;
      plan.log_forgets = rng().chance(0.3) ? 0.3 : 0;
      node.set_storage_faults(plan);
  }
}

void Faults::break_store() {
  control::MemoryStore& store = cluster_.coordinator().store();
  store.set_swap_fault(static_cast<control::MemoryStore::SwapFault>(rng().below(3)));
  later(0s, 1s, [&store] { store.set_swap_fault(control::MemoryStore::SwapFault::none); });
}

// For longer than it takes to come back from most faults, so that accounts wait for it.
void Faults::break_ledger() {
  SimNode& node = any_node();
  node.disk().ledger().set_fails(0.2 + 0.8 * rng().unit());
  scheduler().trace(node.id().str(), "has a ledger that fails");
  later(500ms, 5s, [&node] { node.disk().ledger().set_fails(0); });
}

}  // namespace gyre::simulation
