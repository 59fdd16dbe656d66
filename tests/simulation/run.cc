#include "tests/simulation/run.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tests/simulation/sim_client.h"
#include "tests/simulation/sim_coordinator.h"
#include "tests/simulation/sim_node.h"

namespace gyre::simulation {

namespace {

using namespace std::chrono_literals;

constexpr auto kFaultPhase = 8s;
constexpr auto kHealLimit = 15s;  // after the last fault, everything works again within it

class Cluster {
 public:
  Cluster(std::uint64_t seed, bool verbose, replication::BrokenRule broken) : scheduler_(seed), network_(scheduler_) {
    scheduler_.set_verbose(verbose);
    draw_cluster(broken);
  }

  RunReport run();

 private:
  void draw_cluster(replication::BrokenRule broken);
  storage::FaultPlan draw_storage_faults();
  void schedule_faults(Instant end);
  void fault();
  void heal();
  void demand_progress();
  void check_histories();
  void check_counter_at_end(const std::string& key);
  void fail_run(std::string why) {
    if (report_.failure.empty()) report_.failure = std::move(why);
  }
  bool settled() const;

  Scheduler scheduler_;
  Network network_;
  Histories histories_;
  std::unique_ptr<SimCoordinator> coordinator_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  bool machines_may_die_ = false;
  Instant faults_end_;
  RunReport report_;
};

void Cluster::draw_cluster(replication::BrokenRule broken) {
  Rng& rng = scheduler_.rng();
  control::CoordinatorConfig config;
  config.new_cluster = Uuid::from_words(rng.next(), rng.next());
  config.shape.partitions = 1u << rng.below(6);
  config.initial_nodes = static_cast<std::uint32_t>(1 + rng.below(5));
  config.addresses = {"c1:1"};
  coordinator_ = std::make_unique<SimCoordinator>(scheduler_, network_, "c1:1", config);
  NodeFaults faults;
  faults.broken = broken;
  const auto durability = rng.below(3);
  faults.durability = static_cast<runtime::Durability>(durability);
  // Only with `always` does an acknowledgement promise to survive the machine.
  machines_may_die_ = faults.durability == runtime::Durability::always;
  std::vector<std::string> seeds{"c1:1"};
  for (std::uint32_t i = 1; i <= config.initial_nodes; ++i) {
    faults.storage = draw_storage_faults();
    const NodeId id(fmt::format("n{}", i));
    nodes_.push_back(std::make_unique<SimNode>(scheduler_, network_, id, "c1:1", faults));
    seeds.push_back(id.str() + ":1");
  }
  const auto clients = 1 + rng.below(4);
  for (std::uint64_t i = 1; i <= clients; ++i) {
    clients_.push_back(std::make_unique<SimClient>(scheduler_, network_, fmt::format("u{}", i), seeds, histories_));
  }
}

storage::FaultPlan Cluster::draw_storage_faults() {
  Rng& rng = scheduler_.rng();
  storage::FaultPlan plan;
  plan.seed = rng.next();
  plan.needs_disk = rng.chance(0.5) ? rng.unit() : 0;
  plan.busy = rng.chance(0.3) ? rng.unit() * 0.2 : 0;
  plan.commit_fails = rng.chance(0.2) ? 0.002 : 0;
  plan.sync_fails = rng.chance(0.2) ? 0.01 : 0;
  return plan;
}

RunReport Cluster::run() {
  // The parts of a cluster start in any order.
  scheduler_.after(scheduler_.between(0s, 500ms), [this] {
    if (!coordinator_->up()) coordinator_->start();
  });
  for (auto& node : nodes_) {
    scheduler_.after(scheduler_.between(0s, 500ms), [&node] {
      if (!node->up()) node->start();
    });
  }
  faults_end_ = scheduler_.now() + kFaultPhase;
  for (auto& client : clients_) client->work_until(faults_end_ + 2s);
  schedule_faults(faults_end_);
  scheduler_.run_until(faults_end_);
  heal();
  const Instant healed = scheduler_.now();
  while (!settled() && scheduler_.now() < healed + kHealLimit) scheduler_.run_until(scheduler_.now() + 100ms);
  if (!settled()) fail_run("after healing, some partition is still not served");
  scheduler_.run_until(faults_end_ + 5s);
  demand_progress();
  check_histories();
  report_.trace_hash = scheduler_.trace_hash();
  report_.events = scheduler_.events_run();
  report_.answered = histories_.answered;
  report_.unknown = histories_.unknown;
  report_.refused = histories_.refused;
  report_.simulated_seconds = std::chrono::duration<double>(scheduler_.now().time_since_epoch()).count();
  return report_;
}

// --- Faults ---

void Cluster::schedule_faults(Instant end) {
  scheduler_.after(scheduler_.between(50ms, 800ms), [this, end] {
    if (scheduler_.now() >= end) return;
    fault();
    schedule_faults(end);
  });
}

void Cluster::fault() {
  Rng& rng = scheduler_.rng();
  SimNode& node = *nodes_[rng.below(nodes_.size())];
  switch (rng.below(6)) {
    case 0:
    case 1:
      node.crash(machines_may_die_ && rng.chance(0.5));
      ++report_.crashes;
      scheduler_.after(scheduler_.between(0s, 2s), [this, &node] {
        if (!node.up()) node.start();
      });
      break;
    case 2:
      coordinator_->crash();
      ++report_.crashes;
      scheduler_.after(scheduler_.between(0s, 2s), [this] {
        if (!coordinator_->up()) coordinator_->start();
      });
      break;
    case 3: {
      const std::string other = rng.chance(0.5) ? "c1:1" : fmt::format("u{}", 1 + rng.below(clients_.size()));
      const std::string host = fmt::format("n{}", 1 + rng.below(nodes_.size()));
      network_.cut(other == "c1:1" ? host : other, other == "c1:1" ? other : host + ":1");
      scheduler_.trace("net", "cuts " + host + " off from " + other);
      scheduler_.after(scheduler_.between(0s, 2s), [this] { network_.heal(); });
      break;
    }
    case 4:
      network_.faults().spike = rng.unit() * 0.2;
      network_.faults().reset = rng.chance(0.5) ? rng.unit() * 0.01 : 0;
      break;
    default:
      node.set_storage_faults(draw_storage_faults());
      coordinator_->store().set_swap_fault(static_cast<control::MemoryStore::SwapFault>(rng.below(3)));
      scheduler_.after(scheduler_.between(0s, 1s),
                       [this] { coordinator_->store().set_swap_fault(control::MemoryStore::SwapFault::none); });
      break;
  }
}

void Cluster::heal() {
  scheduler_.trace("sim", "heals");
  network_.heal();
  network_.faults() = {};
  coordinator_->store().set_swap_fault(control::MemoryStore::SwapFault::none);
  if (!coordinator_->up()) coordinator_->start();
  for (auto& node : nodes_) {
    node->set_storage_faults({});
    if (!node->up()) node->start();
  }
}

bool Cluster::settled() const {
  for (const auto& node : nodes_) {
    if (!node->settled()) return false;
  }
  return true;
}

// --- Checks ---

// Every client can write, and read what it wrote.
void Cluster::demand_progress() {
  std::size_t open = 0;
  for (auto& client : clients_) {
    if (!client->idle()) fail_run("a call is still open long after its deadline");
    for (int i = 0; i < 20; ++i) {
      const Bytes key = Bytes::copy_of(fmt::format("progress-{}", i));
      messages::WriteRequest write;
      write.operations.push_back({.key = key, .value = Bytes::copy_of("v"), .expiry = {}, .condition = {}});
      ++open;
      client->call(std::move(write), 2s, [&, key](auto written) {
        if (!written) fail_run("after healing, a key cannot be written: " + written.error().to_string());
        client->call(messages::GetRequest{key, true}, 2s, [&](auto result) {
          --open;
          if (!result) fail_run("after healing, what was written cannot be read: " + result.error().to_string());
        });
      });
    }
  }
  scheduler_.run_until(scheduler_.now() + 5s);
  if (open > 0) fail_run(fmt::format("{} calls were never answered", open));
  for (const auto& [key, history] : histories_.counters) check_counter_at_end(key);
  for (const auto& node : nodes_) node->check_invariants();
  for (const auto& client : clients_) client->check_invariants();
  coordinator_->check_invariants();
}

void Cluster::check_counter_at_end(const std::string& key) {
  std::optional<std::int64_t> value;
  clients_[0]->call(messages::GetRequest{Bytes::copy_of(key), true}, 2s, [&](auto result) {
    if (result) value = std::stoll(std::get<messages::GetResponse>(*result).record.value.str());
    if (!result && result.error().code == ErrorCode::not_found) value = 0;
  });
  scheduler_.run_until(scheduler_.now() + 3s);
  if (!value) return fail_run("after healing, " + key + " cannot be read");
  const std::string wrong = check_counter(histories_.counters.at(key), *value);
  if (!wrong.empty()) fail_run(key + ": " + wrong);
}

void Cluster::check_histories() {
  for (const auto& [key, operations] : histories_.registers) {
    if (!linearizable(operations)) fail_run(key + " is not linearizable");
  }
}

}  // namespace

RunReport run(std::uint64_t seed, bool verbose, replication::BrokenRule broken) {
  Cluster cluster(seed, verbose, broken);
  RunReport report = cluster.run();
  report.seed = seed;
  return report;
}

}  // namespace gyre::simulation
