#include "tools/gyre/launch.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <set>
#include <thread>
#include <variant>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "client/rpc.h"
#include "messages/request.h"
#include "tools/gyre/interrupt.h"

namespace gyre::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kReadyLimit = 60s;  // for all processes together
// A node that runs waits so long to be in sync everywhere while others are down: it may need just these.
constexpr auto kSettleLimit = 10s;
constexpr auto kReadyPollInterval = 50ms;
constexpr auto kReadyAnswerLimit = 500ms;
constexpr auto kUndoStopLimit = 5s;
constexpr std::size_t kLogLinesShown = 12;

// The map that the node has; null: none, or it does not answer.
ring::ClusterMapPtr known_map(const LocalProcess& node) {
  const auto answer = client::call(node.native, messages::MapRequest{}, kReadyAnswerLimit);
  const auto* given = answer ? std::get_if<messages::MapResponse>(&*answer) : nullptr;
  return given == nullptr ? nullptr : given->update.map;
}

Epoch known_epoch(const LocalProcess& node) {
  const auto map = known_map(node);
  return map ? map->epoch : Epoch(0);
}

// How the coordinator that knows the newest map sees the cluster.
struct CoordinatorView {
  Epoch epoch;  // 0: none answers
  std::set<std::string> up;  // nodes it hears
};

CoordinatorView coordinator_view(const LocalCluster& cluster) {
  CoordinatorView view;
  for (const auto& process : cluster.processes) {
    if (process.role != "coordinator") continue;
    const auto answer = client::call(process.native, messages::StatusRequest{}, kReadyAnswerLimit);
    const auto* status = answer ? std::get_if<messages::StatusResponse>(&*answer) : nullptr;
    if (status == nullptr || !status->map || status->map->epoch <= view.epoch) continue;
    view = {status->map->epoch, {}};
    for (const auto& node : status->nodes) {
      if (node.up) view.up.insert(node.node.str());
    }
  }
  return view;
}

// It asks the nodes for the map, so that it starts where no coordinator runs.
std::vector<std::string> router_arguments(const LocalCluster& cluster, const LocalProcess& process) {
  std::vector<std::string> arguments{"router",     "--id",       process.id,
                                     "--resp",     process.resp, "--http",
                                     process.http, "--seeds",    fmt::format("{}", fmt::join(cluster.seeds(), ","))};
  if (!process.native.empty()) arguments.insert(arguments.end(), {"--listen", process.native});
  if (!cluster.users.empty()) arguments.insert(arguments.end(), {"--users", cluster.users});
  return arguments;
}

std::vector<std::string> gyred_arguments(const LocalCluster& cluster, const LocalProcess& process) {
  if (process.role == "router") return router_arguments(cluster, process);
  const std::string data = (cluster.process_dir(process) / "data").string();
  std::vector<std::string> arguments{process.role, "--id",         process.id, "--data",    data,
                                     "--listen",   process.native, "--http",   process.http};
  const auto add = [&](std::initializer_list<std::string> more) { arguments.insert(arguments.end(), more); };
  if (cluster.allow_fault_injection) add({"--allow-fault-injection"});
  if (process.role == "coordinator") {
    add({"--partitions", std::to_string(cluster.partitions), "--rf", std::to_string(cluster.replication_factor),
         "--initial-nodes", std::to_string(cluster.node_count())});
    return arguments;
  }
  std::vector<std::string> coordinators;
  for (const auto& other : cluster.processes) {
    if (other.role == "coordinator") coordinators.push_back(other.native);
  }
  add({"--coordinator", fmt::format("{}", fmt::join(coordinators, ",")), "--weight", fmt::format("{}", process.weight),
       "--durability", cluster.durability, "--resp", process.resp});
  if (!process.zone.empty()) add({"--zone", process.zone});
  if (!cluster.users.empty()) add({"--users", cluster.users});
  return arguments;
}

}  // namespace

bool runs(const LocalCluster& cluster, const LocalProcess& process) {
  const auto live = LiveProcess::find(cluster.process_dir(process));
  return live && !live->paused();
}

bool coordinator_runs(const LocalCluster& cluster) {
  return std::ranges::any_of(cluster.processes, [&](const LocalProcess& process) {
    return process.role == "coordinator" && runs(cluster, process);
  });
}

Result<void> Launch::start(const std::vector<const LocalProcess*>& processes) {
  GYRE_TRY_SET(const fs::path gyred, find_gyred());
  std::vector<const LocalProcess*> missing;
  for (const auto* process : processes) {
    auto live = LiveProcess::find(cluster_.process_dir(*process));
    if (!live) {
      missing.push_back(process);
      continue;
    }
    const bool paused = live->paused();
    if (paused) live->send(SIGCONT);
    members_.push_back({process, std::move(*live), paused ? "resumed" : "already_running"});
  }
  for (const auto* process : missing) {
    const std::string who = fmt::format("the {} {}", process->role, process->id);
    for (const std::string& address : {process->native, process->http, process->resp}) {
      if (!address.empty()) GYRE_TRY(check_port_free(address, who));
    }
  }
  for (const auto* process : missing) {
    const fs::path dir = cluster_.process_dir(*process);
    if (has_pid_file(dir) && !context_.quiet) {
      fmt::print(stderr, "{} had ended by itself (killed or crashed): starting it again.\n", process->id);
    }
    auto live = LiveProcess::start(dir, gyred, gyred_arguments(cluster_, *process));
    if (!live) return undo(std::move(live).error());
    members_.push_back({process, std::move(*live), "started"});
  }
  return {};
}

Result<void> Launch::wait_until_ready() {
  const auto missing = [this]() -> Result<Waiting> {
    Waiting waiting;
    for (auto& member : members_) {
      if (!member.ready) GYRE_TRY(look_at(member));
      if (!member.ready) waiting.push_back(&member);
    }
    if (waiting.empty()) waiting = members_behind();
    return waiting;
  };
  return wait_for(missing, [this](const Waiting& waiting, Clock::duration waited) {
    return (waited > kReadyLimit || (waited > kSettleLimit && others_are_down())) && all_run(waiting);
  });
}

Result<void> Launch::wait_until_admitted() {
  const auto missing = [this]() -> Result<Waiting> {
    for (auto& member : members_) GYRE_TRY(check_alive(member));
    return not_admitted();
  };
  return wait_for(missing, [](const Waiting&, Clock::duration) { return false; });
}

Result<void> Launch::wait_for(const std::function<Result<Waiting>()>& missing,
                              const std::function<bool(const Waiting&, Clock::duration)>& give_up) {
  const InterruptGuard guard;
  const auto begin = Clock::now();
  for (;;) {
    GYRE_TRY_SET(const Waiting waiting, missing());
    show_progress(waiting);
    if (waiting.empty()) return {};
    if (interrupted()) return undo({ErrorCode::unavailable, {}, "interrupted; what it had started is stopped", {}});
    const auto waited = Clock::now() - begin;
    if (give_up(waiting, waited)) {
      clear_progress();
      return {};
    }
    if (waited > kReadyLimit) return undo(not_ready_in_time(*waiting.front()));
    std::this_thread::sleep_for(kReadyPollInterval);
  }
}

Json Launch::outcome() const {
  Json list = Json::array();
  for (const auto* member : in_layout_order()) {
    const auto& process = *member->process;
    list.push_back({{"role", process.role},
                    {"id", process.id},
                    {"pid", member->live.pid()},
                    {"native", process.native.empty() ? Json(nullptr) : Json(process.native)},
                    {"resp", process.resp.empty() ? Json(nullptr) : Json(process.resp)},
                    {"http", process.http},
                    {"ready", member->ready},
                    {"result", member->result}});
  }
  return list;
}

std::vector<std::string> Launch::unsettled() const {
  std::vector<std::string> sentences;
  for (const auto* member : in_layout_order()) {
    if (member->ready) continue;
    sentences.push_back(fmt::format("{} runs, but is not ready yet{}{}", member->process->id,
                                    member->reason.empty() ? "" : ": ", member->reason));
  }
  return sentences;
}

void Launch::print() const {
  for (const auto* member : in_layout_order()) {
    const auto& process = *member->process;
    fmt::print("  {:<4} {:<11}  {:<15}  http://{:<15}  pid {}{}\n", process.id, process.role,
               process.has_peers() ? process.native : process.resp, process.http, member->live.pid(),
               member->result == "already_running" ? "  (was running)" : "");
  }
}

std::vector<const Launch::Member*> Launch::in_layout_order() const {
  std::vector<const Member*> members;
  for (const auto& member : members_) members.push_back(&member);
  std::ranges::sort(members, {}, &Member::process);
  return members;
}

Result<void> Launch::check_alive(Member& member) {
  if (!member.live.ends_within(0ms)) return {};
  const std::string how = member.live.how_it_ended();
  show_log(member);
  return undo({ErrorCode::unavailable,
               {},
               fmt::format("{} ended{}{} before it was ready: see the end of its log above", member.process->id,
                           how.empty() ? "" : " ", how),
               {}});
}

Result<void> Launch::look_at(Member& member) {
  GYRE_TRY(check_alive(member));
  const Readiness readiness = ask_readiness(member.process->http, kReadyAnswerLimit);
  member.ready = readiness.state == Readiness::State::ready;
  if (!readiness.reason.empty()) member.reason = readiness.reason;
  return {};
}

// Members that are not ready by the coordinator's newest map: a node is ready already by the map it joined with,
// in which it may have nothing to serve. Asked once every member was ready, so that this map knows them all.
// A coordinator is ready when it hears the nodes that run: before, none could hand over to another.
Launch::Waiting Launch::members_behind() {
  const CoordinatorView view = coordinator_view(cluster_);
  const bool hears_all = std::ranges::all_of(cluster_.processes, [&](const LocalProcess& process) {
    return process.role != "node" || view.up.contains(process.id) || !runs(cluster_, process);
  });
  Waiting behind;
  for (auto& member : members_) {
    if (member.process->role == "coordinator") {
      member.ready = hears_all;
    } else if (member.process->role == "router") {
      member.ready = ask_readiness(member.process->http, kReadyAnswerLimit).state == Readiness::State::ready;
    } else {
      member.ready = view.epoch > Epoch(0) && known_epoch(*member.process) >= view.epoch &&
                     ask_readiness(member.process->http, kReadyAnswerLimit).state == Readiness::State::ready;
    }
    if (!member.ready) behind.push_back(&member);
  }
  return behind;
}

Launch::Waiting Launch::not_admitted() {
  const CoordinatorView view = coordinator_view(cluster_);
  Waiting waiting;
  for (auto& member : members_) {
    const auto map = view.up.contains(member.process->id) ? known_map(*member.process) : nullptr;
    member.ready = map && map->find_node(NodeId(member.process->id)) != nullptr;
    if (!member.ready) waiting.push_back(&member);
  }
  return waiting;
}

bool Launch::others_are_down() const {
  return std::ranges::any_of(cluster_.processes, [&](const LocalProcess& process) {
    return process.role == "node" && !runs(cluster_, process);
  });
}

// Each serves what it can: a node has a map of the cluster, a coordinator answers, a router waits for a node.
bool Launch::all_run(const Waiting& waiting) const {
  return std::ranges::all_of(waiting, [](const Member* member) {
    if (member->process->role == "node") return known_epoch(*member->process) > Epoch(0);
    if (member->process->role == "router") return true;
    return ask_readiness(member->process->http, kReadyAnswerLimit).state == Readiness::State::ready;
  });
}

Error Launch::not_ready_in_time(const Member& member) const {
  show_log(member);
  return {ErrorCode::unavailable,
          {},
          fmt::format("{} was not ready within {} s{}{}", member.process->id, kReadyLimit.count(),
                      member.reason.empty() ? "" : ": ", member.reason),
          {}};
}

void Launch::show_log(const Member& member) const {
  clear_progress();
  const fs::path log = cluster_.process_dir(*member.process) / "log";
  fmt::print(stderr, "The end of {}:\n", log.string());
  for (const auto& line : last_lines(log, kLogLinesShown)) fmt::print(stderr, "  {}\n", line);
}

void Launch::show_progress(const Waiting& waiting) const {
  if (!stderr_is_terminal() || context_.quiet) return;
  if (waiting.empty()) return clear_progress();
  std::vector<std::string> ids;
  for (const auto* member : waiting) ids.push_back(member->process->id);
  fmt::print(stderr, "\r\x1b[KStarting: {} of {} ready, waiting for {}", members_.size() - waiting.size(),
             members_.size(), fmt::join(ids, " "));
  std::fflush(stderr);
}

void Launch::clear_progress() {
  if (stderr_is_terminal()) fmt::print(stderr, "\r\x1b[K");
}

std::unexpected<Error> Launch::undo(Error why) {
  clear_progress();
  for (auto& member : members_) {
    if (member.result != "started") continue;
    if (!member.live.stop(kUndoStopLimit)) {
      member.live.send(SIGKILL);
      member.live.ends_within(kUndoStopLimit);
    }
    remove_pid_file(cluster_.process_dir(*member.process));
  }
  return fail(std::move(why));
}

}  // namespace gyre::cli
