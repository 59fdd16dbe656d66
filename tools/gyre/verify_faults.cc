#include "tools/gyre/verify_faults.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "client/rpc.h"
#include "tools/gyre/cluster_processes.h"
#include "tools/gyre/cluster_up.h"
#include "tools/gyre/parse.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kProbeLimit = 10s;
constexpr std::size_t kProbesMax = 32;  // partitions tried of each sort
constexpr auto kMapLimit = 1s;

constexpr std::array kFaultKinds = {std::pair{FaultKind::kill, std::string_view("kill")},
                                    std::pair{FaultKind::freeze_then_kill, std::string_view("freeze_then_kill")},
                                    std::pair{FaultKind::kill_ahead, std::string_view("kill_ahead")},
                                    std::pair{FaultKind::pause, std::string_view("pause")},
                                    std::pair{FaultKind::blink, std::string_view("blink")},
                                    std::pair{FaultKind::restart, std::string_view("restart")},
                                    std::pair{FaultKind::kill_coordinator, std::string_view("kill_coordinator")},
                                    std::pair{FaultKind::pause_coordinator, std::string_view("pause_coordinator")}};

// Sleeps, unless somebody wants to stop.
void rest(Clock::duration how_long) {
  const auto end = Clock::now() + how_long;
  while (Clock::now() < end && !interrupted()) std::this_thread::sleep_for(10ms);
}

bool whole(const ring::ClusterMap& map) {
  return std::ranges::all_of(map.entries, [&](const ring::PartitionEntry& entry) {
    return !entry.primary.empty() && entry.in_sync.size() >= map.shape.replication_factor && entry.learners.empty() &&
           entry.deposed.empty();
  });
}

}  // namespace

std::string_view to_string(FaultKind kind) {
  return std::ranges::find(kFaultKinds, kind, [](const auto& known) { return known.first; })->second;
}

Result<std::vector<FaultKind>> parse_faults(std::string_view list) {
  std::vector<FaultKind> kinds;
  for (const std::string& name : split_list(list)) {
    const auto known = std::ranges::find(kFaultKinds, name, [](const auto& k) { return k.second; });
    if (known == kFaultKinds.end()) {
      std::vector<std::string> names;
      for (const auto& [kind, known_name] : kFaultKinds) names.emplace_back(known_name);
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' is no fault: there are {}", name.substr(0, 40), fmt::join(names, ", ")));
    }
    kinds.push_back(known->first);
  }
  if (kinds.empty()) return fail(ErrorCode::invalid_argument, "--faults names none");
  return kinds;
}

// Begins with the fault; each partition is tried until a write is acknowledged.
class FaultInjector::Probes {
 public:
  Probes(Client& client, const std::map<PartitionId, std::string>& keys, FaultTimes& times)
      : client_(client), keys_(keys), times_(times) {}

  void begin(const std::vector<PartitionId>& partitions, Ack ack, std::vector<double> FaultTimes::* sort) {
    std::size_t left = kProbesMax;
    for (const PartitionId partition : partitions) {
      if (left-- == 0) break;
      PutOptions options;
      options.ack = ack;
      options.deadline = kProbeLimit;
      {
        const std::lock_guard lock(mutex_);
        ++open_;
      }
      client_.put(keys_.at(partition), "p", options, [=, this, begun = Clock::now()](const Result<Version>& written) {
        const std::chrono::duration<double, std::milli> took = Clock::now() - begun;
        const std::lock_guard lock(mutex_);
        if (written) {
          (times_.*sort).push_back(took.count());
        } else {
          times_.errors.push_back(fmt::format("a write to partition {} ended after {:.0f} ms: {}", partition.value(),
                                              took.count(), written.error().to_string()));
        }
        if (--open_ == 0) done_.notify_all();
      });
    }
  }
  // Each ends at its deadline at the latest.
  void wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return open_ == 0; });
  }

 private:
  Client& client_;
  const std::map<PartitionId, std::string>& keys_;
  FaultTimes& times_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t open_ = 0;
};

Result<std::unique_ptr<FaultInjector>> FaultInjector::make(const Context& context, const LocalCluster& cluster,
                                                           Setup setup) {
  std::unique_ptr<FaultInjector> injector(new FaultInjector(context, cluster, std::move(setup)));
  ClientOptions options;
  options.seeds = cluster.seeds();
  GYRE_TRY_SET(injector->client_, Client::connect(std::move(options)));
  const ring::Partitioning partitioning(cluster.partitions);
  for (std::uint64_t i = 0; injector->keys_.size() < cluster.partitions; ++i) {
    std::string key = fmt::format("probe-{}", i);
    injector->keys_.try_emplace(partitioning.of(key), std::move(key));
  }
  return injector;
}

Result<void> FaultInjector::run(Clock::time_point end) {
  while (!interrupted()) {
    rest(std::chrono::milliseconds(rng_.between(500, 2500)));
    if (Clock::now() >= end || interrupted()) break;
    GYRE_TRY(inject(setup_.kinds[rng_.below(setup_.kinds.size())]));
    GYRE_TRY(await_whole(kWholeLimit));
  }
  return {};
}

Result<void> FaultInjector::inject(FaultKind kind) {
  if (kind == FaultKind::kill_coordinator) return kill_coordinator();
  if (kind == FaultKind::pause_coordinator) return pause_coordinator();
  return hit(kind, random_node());
}

Result<void> FaultInjector::kill_coordinator() {
  const LocalProcess& coordinator = cluster_.processes.front();
  ++times_[FaultKind::kill_coordinator].faults;
  GYRE_TRY(signal(coordinator, SIGKILL));
  rest(std::chrono::milliseconds(rng_.between(200, 3000)));
  return start(coordinator);
}

// A node that dies meanwhile is replaced once the coordinator goes on: it must not act on what it knew before.
Result<void> FaultInjector::pause_coordinator() {
  const LocalProcess& coordinator = cluster_.processes.front();
  FaultTimes& times = times_[FaultKind::pause_coordinator];
  ++times.faults;
  GYRE_TRY_SET(const auto before, map());
  const LocalProcess* victim = rng_.chance(0.5) ? &random_node() : nullptr;
  const auto [concerned, others] = concern_of(*before, victim, {});
  const auto until_kill = std::chrono::milliseconds(rng_.between(0, 500));
  const auto pause = std::chrono::milliseconds(rng_.between(1000, 3000));
  Probes probes(*client_, keys_, times);
  GYRE_TRY(signal(coordinator, SIGSTOP));
  rest(until_kill);
  if (victim != nullptr) GYRE_TRY(signal(*victim, SIGKILL));
  probes.begin(concerned, Ack::one(), &FaultTimes::concerned);
  probes.begin(others, Ack::one(), &FaultTimes::others);
  probes.begin(others, Ack::all(), &FaultTimes::others_all);
  rest(pause - until_kill);
  GYRE_TRY(signal(coordinator, SIGCONT));
  probes.wait();
  if (victim == nullptr) return {};
  rest(std::chrono::milliseconds(rng_.between(0, 3000)));
  return start(*victim);
}

Result<std::vector<const LocalProcess*>> FaultInjector::freeze(FaultKind kind, const LocalProcess& victim) {
  std::vector<const LocalProcess*> others;
  for (const LocalProcess& process : cluster_.processes) {
    if (process.role == "node" && process.id != victim.id) others.push_back(&process);
  }
  if (kind == FaultKind::freeze_then_kill) others = {others[rng_.below(others.size())]};
  if (kind != FaultKind::freeze_then_kill && kind != FaultKind::kill_ahead) others.clear();
  for (const LocalProcess* process : others) GYRE_TRY(signal(*process, SIGSTOP));
  if (kind == FaultKind::freeze_then_kill) rest(1s);
  // Well within the detection time, so that the frozen ones stay in sync.
  if (kind == FaultKind::kill_ahead) {
    ++*setup_.bursts;
    rest(std::chrono::milliseconds(rng_.between(200, 600)));
  }
  return others;
}

FaultInjector::Concern FaultInjector::concern_of(const ring::ClusterMap& map, const LocalProcess* victim,
                                                 const std::vector<const LocalProcess*>& frozen) {
  Concern concern;
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    const std::string& primary = map.entries[i].primary.str();
    if (std::ranges::find(frozen, primary, &LocalProcess::id) != frozen.end()) continue;
    const bool hit = victim != nullptr && primary == victim->id;
    (hit ? concern.concerned : concern.others).push_back(partition);
  }
  return concern;
}

Result<void> FaultInjector::hit(FaultKind kind, const LocalProcess& process) {
  FaultTimes& times = times_[kind];
  ++times.faults;
  GYRE_TRY_SET(const auto before, map());
  GYRE_TRY_SET(const auto frozen, freeze(kind, process));
  const auto [concerned, others] = concern_of(*before, &process, frozen);
  Probes probes(*client_, keys_, times);
  const bool killed = kind == FaultKind::kill || !frozen.empty();
  GYRE_TRY(signal(process, killed ? SIGKILL : kind == FaultKind::restart ? SIGTERM : SIGSTOP));
  probes.begin(concerned, Ack::one(), &FaultTimes::concerned);
  probes.begin(others, Ack::one(), &FaultTimes::others);
  if (frozen.empty()) probes.begin(others, Ack::all(), &FaultTimes::others_all);
  for (const LocalProcess* other : frozen) GYRE_TRY(signal(*other, SIGCONT));
  if (kind == FaultKind::pause) rest(std::chrono::milliseconds(rng_.between(3500, 5000)));
  if (kind == FaultKind::blink) rest(500ms);
  if (kind == FaultKind::pause || kind == FaultKind::blink) GYRE_TRY(signal(process, SIGCONT));
  probes.wait();
  if (killed) rest(std::chrono::milliseconds(rng_.between(0, 3000)));
  if (killed || kind == FaultKind::restart) return start(process);
  return {};
}

Result<void> FaultInjector::signal(const LocalProcess& process, int number) {
  const auto live = LiveProcess::find(cluster_.process_dir(process));
  if (!live) return fail(ErrorCode::unavailable, fmt::format("{} has died by itself: see its log", process.id));
  live->send(number);
  return {};
}

Result<void> FaultInjector::start(const LocalProcess& process) {
  constexpr auto kEndLimit = 20s;
  if (const auto live = LiveProcess::find(cluster_.process_dir(process)); live && !live->ends_within(kEndLimit)) {
    return fail(ErrorCode::unavailable, fmt::format("{} did not end within {} s", process.id, kEndLimit.count()));
  }
  remove_pid_file(cluster_.process_dir(process));
  return cluster_start(context_, cluster_, {&process});
}

Result<ring::ClusterMapPtr> FaultInjector::map() const {
  std::vector<std::string> addresses{cluster_.processes.front().native};
  GYRE_TRY_SET(auto answer, client::call_any(addresses, messages::MapRequest{}, kMapLimit));
  auto* response = std::get_if<messages::MapResponse>(&answer);
  if (response == nullptr || !response->update.map) return fail(ErrorCode::unavailable, "the coordinator gives no map");
  return response->update.map;
}

const LocalProcess& FaultInjector::random_node() {
  const std::size_t coordinators = cluster_.processes.size() - cluster_.node_count();
  return cluster_.processes[coordinators + rng_.below(cluster_.node_count())];
}

Result<void> FaultInjector::await_whole(std::chrono::seconds limit) {
  const auto end = Clock::now() + limit;
  while (Clock::now() < end) {
    const auto now = map();
    if (now && whole(**now)) return {};
    std::this_thread::sleep_for(50ms);
  }
  return fail(ErrorCode::unavailable,
              fmt::format("after {} s the cluster is still not whole: some partition lacks a primary, a member in sync "
                          "or the account of an old primary",
                          limit.count()));
}

}  // namespace gyre::cli
