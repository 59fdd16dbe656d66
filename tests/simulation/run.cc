#include "tests/simulation/run.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tests/simulation/cluster.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/operators.h"
#include "tests/simulation/workload.h"

namespace gyre::simulation {

namespace {

using namespace std::chrono_literals;

constexpr Duration kStartLimit = 15s;  // a cluster whose parts have all started is whole within it
constexpr Duration kHealLimit = 25s;   // after the last fault, everything works again within it
constexpr Duration kTellLimit = 12s;   // what can be told to clients is told within it
constexpr std::uint32_t kProgressKeys = 12;  // of each client: every level of reads and writes, in most pairs

// What a run is made of.
struct Plan {
  ClusterOptions cluster;
  FaultOptions faults;
  OperatorOptions operators = OperatorOptions::none();
  WorkloadMix mix;
  Duration fault_phase{0};
  double stalls = 0;
  bool slow_start = false;
};

std::uint32_t draw_replication(Rng& rng, std::uint32_t nodes) {
  const auto dice = rng.below(10);
  return std::min(nodes, static_cast<std::uint32_t>(dice < 1 ? 1 : dice < 3 ? 2 : dice < 9 ? 3 : 5));
}

Timing draw_timing(Rng& rng) {
  switch (rng.below(3)) {
    case 0: return {};
    case 1: return {.heartbeat = 50ms, .detection = 300ms, .lease = 1100ms};
    default: return {.heartbeat = 80ms, .detection = 600ms, .lease = 1500ms};
  }
}

void draw_faults(Rng& rng, FaultOptions& faults) {
  unsigned* const kinds[] = {&faults.process_dies,  &faults.machine_dies,     &faults.process_pauses,
                             &faults.process_stops, &faults.coordinator_dies, &faults.coordinator_pauses,
                             &faults.link_cut,      &faults.node_cut_off,     &faults.links_swizzled,
                             &faults.network_noisy, &faults.disk_fails,       &faults.store_fails,
                             &faults.ledger_fails,  &faults.elections_pause};
  for (unsigned* kind : kinds) {
    // Some runs have none of a kind, some almost nothing else.
    const auto dice = rng.below(10);
    *kind = dice < 3 ? 0 : dice < 9 ? *kind : *kind * 8;
  }
  if (rng.chance(0.2)) faults.disk_dies = 1;
  faults.pause_max = rng.chance(0.5) ? 500ms : 1500ms;
}

// In half of the runs nobody interferes.
void draw_operators(Rng rng, Plan& plan) {
  if (rng.chance(0.5)) return;
  plan.operators = {};
  OperatorOptions& operators = plan.operators;
  unsigned* const kinds[] = {&operators.joins,  &operators.weights,  &operators.drains, &operators.resumes,
                             &operators.copies, &operators.removals, &operators.plans,  &operators.gives_up,
                             &operators.halts,  &operators.replaces};
  for (unsigned* kind : kinds) {
    const auto dice = rng.below(10);
    *kind = dice < 3 ? 0 : dice < 9 ? *kind : *kind * 8;
  }
  plan.cluster.spares = static_cast<std::uint32_t>(rng.below(3));
  if (rng.chance(0.3)) operators.pause_max = 800ms;
}

Plan draw_plan(std::uint64_t seed) {
  Rng rng(seed * 0x9E3779B97F4A7C15 + 1);
  Plan plan;
  ClusterOptions& cluster = plan.cluster;
  cluster.seed = seed;
  cluster.nodes = static_cast<std::uint32_t>(1 + rng.below(5));
  if (rng.chance(0.6)) cluster.nodes = std::max(cluster.nodes, 3u);
  cluster.clients = static_cast<std::uint32_t>(1 + rng.below(3));
  cluster.shape.partitions = 1u << rng.below(3);
  if (rng.chance(0.1)) cluster.shape.partitions = 8;
  cluster.shape.replication_factor = draw_replication(rng, cluster.nodes);
  cluster.shape.min_in_sync = std::min(2u, cluster.shape.replication_factor);
  if (rng.chance(0.3)) {
    cluster.shape.min_in_sync = static_cast<std::uint32_t>(1 + rng.below(cluster.shape.replication_factor));
  }
  cluster.shape.timing = draw_timing(rng);
  cluster.durability = static_cast<runtime::Durability>(rng.below(3));
  cluster.trust_refused = rng.chance(0.6);
  cluster.balance_primaries = rng.chance(0.7);
  cluster.log_kept = rng.chance(0.4) ? 5 + rng.below(200) : 10'000;
  cluster.drift = rng.chance(0.5) ? 0.02 : 0;
  cluster.wall_offset_max = rng.chance(0.5) ? Duration(40s) : Duration(0);
  draw_faults(rng, plan.faults);
  for (unsigned* weight : {&plan.mix.registers, &plan.mix.sessions, &plan.mix.counters, &plan.mix.expiring,
                           &plan.mix.batches, &plan.mix.scans}) {
    if (rng.chance(0.2)) *weight = 0;
  }
  plan.mix.registers = std::max(plan.mix.registers, 1u);
  plan.mix.pause_max = rng.chance(0.5) ? 10ms : 30ms;
  plan.mix.acks_max = cluster.shape.replication_factor;
  plan.fault_phase = Duration(rng.between(Duration(4s).count(), Duration(9s).count()));
  plan.stalls = rng.chance(0.3) ? 0.0005 : 0;
  plan.slow_start = rng.chance(0.3);
  draw_operators(Rng(seed * 0x9E3779B97F4A7C15 + 2), plan);
  Rng caching(seed * 0x9E3779B97F4A7C15 + 3);
  if (caching.chance(0.6)) cluster.record_cache_bytes = 500 + caching.below(20'000);
  Rng copying(seed * 0x9E3779B97F4A7C15 + 4);
  if (copying.chance(0.7)) cluster.snapshot_chunk_bytes = 1 + copying.below(500);
  if (copying.chance(0.7)) cluster.snapshot_committed_bytes_max = copying.below(500);
  return plan;
}

std::string describe(const Plan& plan) {
  static constexpr const char* kDurability[] = {"os", "everysec", "always"};
  const ClusterOptions& c = plan.cluster;
  return fmt::format(
      "{} nodes and {} more, rf {}, min-in-sync {}, {} partitions, {} clients, {}, D {} ms, L {} ms, log {}, cache "
      "{}, snapshots in {} and ingested from {} bytes on{}{}",
      c.nodes, c.spares, c.shape.replication_factor, c.shape.min_in_sync, c.shape.partitions, c.clients,
      kDurability[static_cast<int>(c.durability)], to_ms(c.shape.timing.detection), to_ms(c.shape.timing.lease),
      c.log_kept, c.record_cache_bytes, c.snapshot_chunk_bytes, c.snapshot_committed_bytes_max,
      c.trust_refused ? "" : ", refusals not trusted", c.drift > 0 ? ", clocks drift" : "");
}

class Run {
 public:
  explicit Run(Plan plan)
      : plan_(std::move(plan)),
        cluster_(plan_.cluster),
        faults_(cluster_, plan_.faults),
        operators_(cluster_, plan_.operators) {}

  RunReport go();

 private:
  void start();
  void break_things();
  void heal();
  void demand_progress();
  void write_in_peace(SimClient& client, std::uint32_t number);
  void read_in_peace(SimClient& client, messages::GetRequest get, WorldTime until, bool told_before = false);
  void check_histories();
  void fail(std::string_view check, std::string why) { cluster_.fail({Notice::Kind::progress, check, std::move(why)}); }
  bool failed() const { return cluster_.failure().has_value(); }

  Plan plan_;
  Cluster cluster_;
  Faults faults_;
  Operators operators_;
  Histories histories_;
  std::vector<std::unique_ptr<Workload>> workloads_;
  std::size_t open_ = 0;
};

RunReport Run::go() {
  try {
    start();
    if (!failed()) break_things();
    if (!failed()) heal();
    if (!failed()) demand_progress();
    if (!failed()) check_histories();
  } catch (const AssertionFailed& failed) {
    cluster_.fail({Notice::Kind::safety, "invariant", failed.what});
  }
  RunReport report;
  report.seed = plan_.cluster.seed;
  report.failure = cluster_.failure();
  report.trace_hash = cluster_.scheduler().trace_hash();
  report.events = cluster_.scheduler().events_run();
  report.faults = faults_.count();
  report.answered = histories_.answered;
  report.unknown = histories_.unknown;
  report.refused = histories_.refused;
  report.writes = cluster_.truth().writes();
  report.lost_acknowledged = cluster_.checks().lost_acknowledged();
  report.promises_bound = cluster_.checks().promises_bound();
  for (const Memory& client : histories_.clients) {
    for (const Memory::Told& told : client.told) report.losses_told += told.versions.size();
  }
  if (cluster_.map() != nullptr) {
    for (const auto& entry : cluster_.map()->entries) report.terms += entry.term.value();
  }
  report.simulated_seconds = std::chrono::duration<double>(cluster_.scheduler().now().time_since_epoch()).count();
  report.options = describe(plan_);
  return report;
}

// The parts of a cluster start in any order. Some runs break things before it is whole.
void Run::start() {
  Scheduler& scheduler = cluster_.scheduler();
  scheduler.after(scheduler.between(0s, 500ms), [this] {
    if (!cluster_.coordinator().up()) cluster_.coordinator().start();
  });
  for (NodeIndex i = 0; i < plan_.cluster.nodes; ++i) {
    scheduler.after(scheduler.between(0s, 500ms), [this, i] {
      if (!cluster_.node(i).up()) cluster_.node(i).start();
    });
  }
  if (plan_.slow_start) return scheduler.run_for(600ms);
  if (!cluster_.await(kStartLimit, [this] { return cluster_.quiet(); })) {
    fail("start", "a new cluster does not become whole: " + cluster_.unrest());
  }
}

void Run::break_things() {
  Scheduler& scheduler = cluster_.scheduler();
  const WorldTime end = scheduler.now() + plan_.fault_phase;
  for (std::size_t i = 0; i < cluster_.clients(); ++i) {
    workloads_.push_back(std::make_unique<Workload>(scheduler, cluster_.client(i), cluster_.truth(), histories_,
                                                    plan_.mix,
                                                    [this](Notice notice) { cluster_.fail(std::move(notice)); }));
    workloads_.back()->work_until(end + 1s);
  }
  if (plan_.stalls > 0) {
    for (NodeIndex i = 0; i < cluster_.nodes(); ++i) cluster_.node(i).set_stalls(plan_.stalls, 3s);
  }
  faults_.work_until(end);
  operators_.work_until(end);
  while (scheduler.now() < end && !failed()) scheduler.run_for(100ms);
}

// Some runs leave a node away at first: the others must do without it.
void Run::heal() {
  Scheduler& scheduler = cluster_.scheduler();
  std::optional<NodeIndex> away;
  for (NodeIndex i = 0; i < cluster_.nodes(); ++i) {
    if (cluster_.takes_part(i) && !cluster_.node(i).up()) away = i;
  }
  const bool enough = plan_.cluster.shape.replication_factor >= 2;
  if (!enough || !scheduler.rng().chance(0.5)) away.reset();
  cluster_.heal(away);
  if (away) {
    // They need not manage: what only the one that is away has may be needed.
    const bool quiet = cluster_.await(8s, [&] { return cluster_.quiet(away); });
    if (failed()) return;
    if (quiet) cluster_.checks().check_ledgers(false);
    cluster_.heal();
  }
  if (!cluster_.await(kHealLimit, [this] { return operators_.calm() && cluster_.quiet(); }) && !failed()) {
    fail("healing", "after healing, the cluster does not become whole: " + cluster_.unrest());
  }
  scheduler.run_for(1s);
}

// --- Checks ---

// Every client can write at every level, and read what it wrote.
void Run::demand_progress() {
  Scheduler& scheduler = cluster_.scheduler();
  if (!cluster_.await(9s, [&] {
        for (std::size_t i = 0; i < cluster_.clients(); ++i) {
          if (!cluster_.client(i).idle()) return false;
        }
        return true;
      })) {
    return fail("calls end", "a call is still open long after its deadline");
  }
  for (std::size_t i = 0; i < cluster_.clients(); ++i) {
    for (std::uint32_t number = 0; number < kProgressKeys; ++number) write_in_peace(cluster_.client(i), number);
  }
  if (!cluster_.await(6s, [this] { return open_ == 0; }) && !failed()) {
    fail("calls end", fmt::format("{} calls were never answered", open_));
  }
  scheduler.run_for(300ms);  // the last writes reach everybody
}

// Each key is written once, at one of the levels, and read at one.
void Run::write_in_peace(SimClient& client, std::uint32_t number) {
  // Where nodes are drained there may be fewer copies than the cluster should have.
  const auto& entries = cluster_.map()->entries;
  const auto members = static_cast<std::uint32_t>(
      std::ranges::min(entries | std::views::transform([](const auto& entry) { return entry.in_sync.size(); })));
  messages::WriteRequest write;
  const Bytes key = Bytes::copy_of(fmt::format("progress-{}-{}", client.name(), number));
  write.operations.push_back({.key = key, .value = Bytes::copy_of("v"), .expiry = {}, .condition = {}});
  write.ack = static_cast<messages::AckCount>(number % (members + 1) + 1);
  const bool enough = members >= cluster_.map()->shape.min_in_sync;
  if (write.ack > members) write.ack = enough ? messages::kAckAll : messages::kAckOne;
  ++open_;
  client.call(std::move(write), 2s, [this, key, number, &client](const auto& written) {
    if (!written) {
      return fail("writes in peace", "after healing, a key cannot be written: " + written.error().to_string());
    }
    messages::GetRequest get;
    get.key = key;
    get.read.level = static_cast<messages::ReadLevel>(number / 2 % 5);
    get.read.bound = 500ms;
    read_in_peace(client, std::move(get), cluster_.scheduler().now() + 3s);
  });
}

// What a session has to be told is told once. A member may show at first what was there before: not for long, but how
// long is not promised of `any`.
void Run::read_in_peace(SimClient& client, messages::GetRequest get, WorldTime until, bool told_before) {
  client.call(get, 2s, [this, get, until, told_before, &client](const auto& result) mutable {
    const bool told = !told_before && !result && result.error().code == ErrorCode::session_lost;
    const bool found = result && std::get<messages::GetResponse>(*result).record;
    const bool late = get.read.level == messages::ReadLevel::any || get.read.level == messages::ReadLevel::bounded;
    if (found) return void(--open_);
    if (!result && !told) {
      return fail("reads in peace", "after healing, what was written cannot be read: " + result.error().to_string());
    }
    if ((!told && !late) || cluster_.scheduler().now() >= until) {
      return fail("reads in peace", "after healing, what was written is not there");
    }
    const bool by_now = told || told_before;
    cluster_.scheduler().after(50ms, [this, get = std::move(get), until, by_now, &client]() mutable {
      read_in_peace(client, std::move(get), until, by_now);
    });
  });
}

void Run::check_histories() {
  Checks& checks = cluster_.checks();
  checks.check_contents();
  checks.check_answers();
  checks.check_ledgers(true);
  checks.check_counters("cnt-");
  checks.check_refused(histories_.refused_writes);
  // What a client asked of a primary that could not tell it asks again.
  cluster_.await(kTellLimit, [&] { return !checks.untold(histories_.clients); });
  checks.check_losses_told(histories_.clients);
  for (const auto& [key, operations] : histories_.registers) {
    if (linearizable_between(operations, checks.total_losses(key))) continue;
    cluster_.fail({Notice::Kind::safety, "linearizability", key + " is not linearizable"});
  }
  for (NodeIndex i = 0; i < cluster_.nodes(); ++i) cluster_.node(i).check_invariants();
  for (std::size_t i = 0; i < cluster_.clients(); ++i) cluster_.client(i).check_invariants();
  cluster_.coordinator().check_invariants();
}

}  // namespace

RunReport run(std::uint64_t seed, bool verbose, BrokenRule broken) {
  throw_on_assertions();
  Plan plan = draw_plan(seed);
  plan.cluster.verbose = verbose;
  plan.cluster.broken = broken;
  return Run(std::move(plan)).go();
}

}  // namespace gyre::simulation
