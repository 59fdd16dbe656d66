#include "tools/gyre/chaos_network.h"

#include <chrono>
#include <csignal>
#include <map>
#include <thread>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/limits.h"
#include "client/rpc.h"
#include "tools/gyre/cluster_processes.h"
#include "tools/gyre/cluster_up.h"

namespace gyre::cli {
namespace {

constexpr Duration kRulesLimit = std::chrono::seconds(2);
constexpr Duration kStartLimit = std::chrono::seconds(10);
constexpr Duration kStartLook = std::chrono::milliseconds(50);

constexpr const char* kHowToAllow = "start it so: `gyre cluster down`, then `gyre cluster up --allow-fault-injection`";

Result<Rules> ask(const LocalProcess& process, messages::FaultsRequest request) {
  if (!process.has_peers()) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} is a router, which obeys no network faults: name nodes, or the coordinator", process.id));
  }
  auto answer = client::call(process.native, std::move(request), kRulesLimit);
  if (!answer && answer.error().code == ErrorCode::denied) {
    return fail(ErrorCode::condition_failed, fmt::format("{} refuses network faults: {}", process.id, kHowToAllow));
  }
  GYRE_TRY(answer);
  if (auto* faults = std::get_if<messages::FaultsResponse>(&*answer)) return std::move(faults->rules);
  return fail(ErrorCode::unsupported, fmt::format("{} knows no network faults: it is of an older version", process.id));
}

// Of one that lives. Where it was only just started it does not listen yet, or does not answer, and is waited for:
// others may tell it rules as soon as it does.
Result<Rules> faults_once_up(const LocalCluster& cluster, const LocalProcess& process) {
  const auto begun = std::chrono::steady_clock::now();
  while (true) {
    auto rules = faults_at(process);
    const bool starting =
        !rules && (rules.error().code == ErrorCode::unavailable || rules.error().code == ErrorCode::timeout);
    if (!starting || std::chrono::steady_clock::now() - begun >= kStartLimit) return rules;
    if (!LiveProcess::find(cluster.process_dir(process))) return Rules();  // they went with it
    std::this_thread::sleep_for(kStartLook);
  }
}

bool runs_unpaused(const LocalCluster& cluster, const LocalProcess& process) {
  const auto live = LiveProcess::find(cluster.process_dir(process));
  return live && !live->paused();
}

// Ends what is wrong with one process that lives.
Result<Healed> heal_live(const LocalCluster& cluster, const LocalProcess& process, const LiveProcess& live,
                         bool network_only) {
  Healed healed{.id = process.id};
  if (live.paused() && !network_only) {
    live.send(SIGCONT);
    healed.resumed = true;
  }
  const bool obeys = cluster.allow_fault_injection && process.has_peers();
  if (!obeys || (live.paused() && network_only)) return healed;
  GYRE_TRY_SET(const Rules rules, faults_once_up(cluster, process));
  healed.rules_ended = rules.size();
  if (!rules.empty()) GYRE_TRY(set_faults_at(process, {}));
  return healed;
}

}  // namespace

Result<void> check_injection(const LocalCluster& cluster) {
  if (cluster.allow_fault_injection) return {};
  return fail(ErrorCode::condition_failed,
              fmt::format("the cluster was not started for network faults: {}", kHowToAllow));
}

Result<Rules> faults_at(const LocalProcess& process) { return ask(process, {.show = true, .rules = {}}); }

Result<void> set_faults_at(const LocalProcess& process, const Rules& rules) {
  if (rules.size() > limits::kFaultRulesMax) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} would have more than {} rules: end some with `gyre chaos heal`", process.id,
                            limits::kFaultRulesMax));
  }
  GYRE_TRY(ask(process, {.show = false, .rules = rules}));
  return {};
}

Result<void> inject(const LocalCluster& cluster, const std::vector<PlacedRule>& placed) {
  GYRE_TRY(check_injection(cluster));
  std::map<std::string, Rules> added;
  for (const PlacedRule& one : placed) added[one.process].push_back(one.rule);
  std::vector<std::string> names;
  std::size_t obeying = 0;
  for (const auto& [id, more] : added) {
    names.push_back(id);
    GYRE_TRY_SET(const LocalProcess* process, cluster.find(id));
    if (!runs_unpaused(cluster, *process)) continue;
    GYRE_TRY_SET(Rules rules, faults_at(*process));
    for (const auto& rule : more) add_rule(rules, rule);
    GYRE_TRY(set_faults_at(*process, rules));
    ++obeying;
  }
  if (obeying > 0) return {};
  return fail(ErrorCode::condition_failed,
              fmt::format("nobody obeys: {} {} not running", fmt::join(names, ", "), names.size() == 1 ? "is" : "are"));
}

std::vector<ProcessFaults> look_at_faults(const LocalCluster& cluster) {
  std::vector<ProcessFaults> list;
  for (const LocalProcess& process : cluster.processes) {
    ProcessFaults faults{&process, "down", std::nullopt};
    if (const auto live = LiveProcess::find(cluster.process_dir(process))) {
      faults.state = live->paused() ? "paused" : "up";
    }
    if (faults.state == "up" && cluster.allow_fault_injection && process.has_peers()) {
      auto rules = faults_at(process);
      if (rules) faults.rules = std::move(*rules);
    }
    list.push_back(std::move(faults));
  }
  return list;
}

Result<std::vector<Healed>> heal(const Context& context, const LocalCluster& cluster, bool network_only) {
  std::vector<Healed> list;
  std::optional<Error> first_error;
  std::vector<const LocalProcess*> down;
  for (const LocalProcess& process : cluster.processes) {
    const auto live = LiveProcess::find(cluster.process_dir(process));
    if (!live) {
      if (!network_only) down.push_back(&process);
      continue;
    }
    auto healed = heal_live(cluster, process, *live, network_only);
    if (!healed && !first_error) first_error = healed.error();
    if (healed && (healed->resumed || healed->rules_ended > 0)) list.push_back(std::move(*healed));
  }
  if (!down.empty()) {
    for (const LocalProcess* process : down) {
      remove_pid_file(cluster.process_dir(*process));  // what it died of is known
      list.push_back({.id = process->id, .started = true});
    }
    if (auto started = cluster_launch(context, cluster, down); !started && !first_error) {
      first_error = started.error();
    }
  }
  if (first_error) return fail(*first_error);
  return list;
}

std::string healed_text(const Healed& healed) {
  std::vector<std::string> parts;
  if (healed.started) parts.push_back("started");
  if (healed.resumed) parts.push_back("resumed");
  if (healed.rules_ended > 0)
    parts.push_back(counted(healed.rules_ended, "network fault", "network faults") + " ended");
  return fmt::format("{}: {}", healed.id, fmt::join(parts, ", "));
}

Json healed_json(const Healed& healed) {
  return {
      {"id", healed.id}, {"resumed", healed.resumed}, {"started", healed.started}, {"rules_ended", healed.rules_ended}};
}

}  // namespace gyre::cli
