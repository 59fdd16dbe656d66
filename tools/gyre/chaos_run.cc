#include "tools/gyre/chaos_run.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "tools/gyre/chaos_network.h"
#include "tools/gyre/chaos_schedule.h"
#include "tools/gyre/cluster_look.h"
#include "tools/gyre/cluster_up.h"
#include "tools/gyre/event_text.h"
#include "tools/gyre/interrupt.h"
#include "tools/gyre/process_commands.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kHealLimit = 20s;  // a process that was just started may need some of it before it answers
constexpr auto kHealedLimit = 60s;
constexpr auto kHealedLook = 200ms;

UnixMillis wall_now() { return UnixMillis{to_ms(std::chrono::system_clock::now().time_since_epoch())}; }

std::vector<std::string> ids_of(const LocalCluster& cluster, std::string_view role) {
  std::vector<std::string> ids;
  for (const LocalProcess& process : cluster.processes) {
    if (process.role == role) ids.push_back(process.id);
  }
  std::ranges::sort(ids);
  return ids;
}

// THREAD: one.
class ChaosRun {
 public:
  ChaosRun(const Context& context, std::filesystem::path dir) : inner_(context), dir_(std::move(dir)) {
    inner_.quiet = true;
  }

  void run(const std::vector<ChaosAct>& acts) {
    for (const ChaosAct& act : acts) {
      rest_until(act.at);
      if (interrupted()) return;
      const auto begun = begin(act);
      if (!begun) {
        say("skip", act, fmt::format("skip: {} ({})", begin_text(act), begun.error().message));
        continue;
      }
      say("begin", act, begin_text(act));
      rest_until(act.until);
      if (interrupted()) return;
      const auto ended = end(act);
      say("end", act, ended ? end_text(act) : fmt::format("{} failed: {}", end_text(act), ended.error().message));
    }
  }

  // However far the run came. What one attempt leaves (a process that was just starting) a later one finds.
  Result<void> heal_all() {
    const auto begun = Clock::now();
    while (true) {
      GYRE_TRY_SET(const LocalCluster cluster, load_local_cluster(dir_));
      const auto healed = heal(inner_, cluster, false);
      if (healed) {
        for (const Healed& one : *healed) say_healed(one);
        return {};
      }
      if (Clock::now() - begun >= kHealLimit) return fail(healed.error());
      std::this_thread::sleep_for(kHealedLook);
    }
  }

  Result<void> await_whole() {
    const auto begun = Clock::now();
    while (Clock::now() - begun < kHealedLimit && !interrupted()) {
      const auto source = find_source(inner_);
      if (source && source->map) {
        const ClusterStatus status = look_at_cluster(*source);
        if (status.under_replicated + status.without_primary + status.not_serving == 0) return say_whole(begun);
      }
      std::this_thread::sleep_for(kHealedLook);
    }
    if (interrupted()) return {};
    return fail(ErrorCode::unavailable,
                fmt::format("{} s after the last fault the cluster is not whole: `gyre cluster status` says what is "
                            "missing",
                            kHealedLimit.count()));
  }

 private:
  void rest_until(std::chrono::milliseconds at) const {
    while (Clock::now() - begun_ < at && !interrupted()) std::this_thread::sleep_for(10ms);
  }

  double seconds() const { return std::chrono::duration<double>(Clock::now() - begun_).count(); }

  void say(const char* phase, const ChaosAct& act, const std::string& text) const {
    Json json = act_json(act);
    json["phase"] = phase;
    say(std::move(json), text);
  }
  void say(Json json, const std::string& text) const {
    if (inner_.json) {
      json["time_ms"] = wall_now().value;
      print_json(json);
    } else {
      print_line(fmt::format("{}  {:>+7.1f} s  {}", clock_text(wall_now()), seconds(), text));
    }
    std::fflush(stdout);
  }
  void say_healed(const Healed& healed) const {
    Json json = healed_json(healed);
    json["phase"] = "heal";
    say(std::move(json), healed_text(healed));
  }
  Result<void> say_whole(Clock::time_point begun) const {
    const std::chrono::duration<double> took = Clock::now() - begun;
    say({{"phase", "whole"}, {"after_s", took.count()}}, "every partition is served and has all its copies");
    return {};
  }

  // Membership may have changed since the schedule was made.
  Result<void> begin(const ChaosAct& act) {
    GYRE_TRY_SET(const LocalCluster cluster, load_local_cluster(dir_));
    GYRE_TRY_SET(const LocalProcess* process, cluster.find(act.process));
    const LocalProcess* other = act.other.empty() ? nullptr : cluster.find_or_null(act.other);
    if (!act.other.empty() && other == nullptr) {
      return fail(ErrorCode::condition_failed, fmt::format("{} is gone", act.other));
    }
    switch (act.kind) {
      case ChaosKind::kill:
      case ChaosKind::kill_coordinator: {
        const auto done = kill_processes(cluster, {process});
        if (done.front().result == "killed") return {};
        return fail(ErrorCode::condition_failed, fmt::format("{} is down already", process->id));
      }
      case ChaosKind::pause: {
        GYRE_TRY(pause_processes(cluster, {process}));
        return {};
      }
      case ChaosKind::partition: return inject(cluster, cut_rules(*process, *other, false));
      case ChaosKind::one_way: return inject(cluster, cut_rules(*process, *other, true));
      case ChaosKind::slow: return inject(cluster, {slow_rule(*process, act.delay, Duration(0))});
      case ChaosKind::drop: return inject(cluster, {drop_rule(*process, *other, act.rate)});
    }
    return {};
  }

  Result<void> end(const ChaosAct& act) {
    GYRE_TRY_SET(const LocalCluster cluster, load_local_cluster(dir_));
    GYRE_TRY_SET(const LocalProcess* process, cluster.find(act.process));
    if (act.kind == ChaosKind::kill || act.kind == ChaosKind::kill_coordinator) {
      return cluster_launch(inner_, cluster, {process});
    }
    if (act.kind == ChaosKind::pause) {
      GYRE_TRY(resume_processes(cluster, {process}));
      return {};
    }
    GYRE_TRY(set_faults_at(*process, {}));
    const LocalProcess* other = act.other.empty() ? nullptr : cluster.find_or_null(act.other);
    return other == nullptr ? Result<void>{} : set_faults_at(*other, {});
  }

  Context inner_;
  std::filesystem::path dir_;
  Clock::time_point begun_ = Clock::now();
};

void print_schedule(const Context& context, const std::vector<ChaosAct>& acts) {
  for (const ChaosAct& act : acts) {
    if (context.json) {
      print_json(act_json(act));
    } else {
      print_line(fmt::format("{:>+7.1f} s  {}", static_cast<double>(act.at.count()) / 1000, begin_text(act)));
    }
  }
}

}  // namespace

Result<void> chaos_run(Context& context, const ChaosRunOptions& options) {
  GYRE_TRY_SET(const LocalCluster cluster, load_local_cluster(cluster_dir(context)));
  GYRE_TRY_SET(auto kinds, parse_chaos_kinds(options.faults));
  if (std::ranges::any_of(kinds, is_network_fault) && !options.dry_run) GYRE_TRY(check_injection(cluster));
  const std::uint64_t seed = options.seed != 0 ? options.seed : std::random_device()() % 1'000'000 + 1;
  GYRE_TRY_SET(const auto acts, chaos_schedule({.kinds = std::move(kinds),
                                                .every = options.every,
                                                .duration = options.duration,
                                                .seed = seed,
                                                .nodes = ids_of(cluster, "node"),
                                                .coordinators = ids_of(cluster, "coordinator")}));
  if (!context.json) {
    print_line(fmt::format("Seed {}: {} in {}.{}", seed, counted(acts.size(), "fault", "faults"),
                           human_duration(options.duration),
                           options.dry_run ? "" : " Ctrl-C ends it, and heals the cluster."));
  }
  if (options.dry_run) {
    print_schedule(context, acts);
    return {};
  }
  std::fflush(stdout);
  const InterruptGuard guard;
  ChaosRun run(context, cluster.dir);
  run.run(acts);
  GYRE_TRY(run.heal_all());
  if (interrupted()) {
    context.exit_code = kExitInterrupted;
    return {};
  }
  return run.await_whole();
}

}  // namespace gyre::cli
