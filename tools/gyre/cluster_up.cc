#include "tools/gyre/cluster_up.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <set>
#include <thread>
#include <variant>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "base/limits.h"
#include "client/rpc.h"
#include "messages/request.h"
#include "tools/gyre/interrupt.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kReadyLimit = 60s;        // for all processes together
// A node that runs waits so long to be in sync everywhere while others are down: it may need just these.
constexpr auto kSettleLimit = 10s;
constexpr auto kReadyPollInterval = 50ms;
constexpr auto kReadyAnswerLimit = 500ms;
constexpr auto kUndoStopLimit = 5s;
constexpr std::size_t kLogLinesShown = 12;

bool runs(const LocalCluster& cluster, const LocalProcess& process) {
  const auto live = LiveProcess::find(cluster.process_dir(process));
  return live && !live->paused();
}

bool coordinator_runs(const LocalCluster& cluster) {
  return std::ranges::any_of(cluster.processes, [&](const LocalProcess& process) {
    return process.role == "coordinator" && runs(cluster, process);
  });
}

// Of the map that the node has; 0: none, or it does not answer.
Epoch known_epoch(const LocalProcess& node) {
  const auto answer = client::call(node.native, messages::MapRequest{}, kReadyAnswerLimit);
  const auto* given = answer ? std::get_if<messages::MapResponse>(&*answer) : nullptr;
  return given != nullptr && given->map ? given->map->epoch : Epoch(0);
}

// How the coordinator that knows the newest map sees the cluster.
struct CoordinatorView {
  Epoch epoch;               // 0: none answers
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

std::vector<std::string> gyred_arguments(const LocalCluster& cluster, const LocalProcess& process) {
  const std::string data = (cluster.process_dir(process) / "data").string();
  std::vector<std::string> arguments{process.role, "--id",         process.id, "--data",    data,
                                     "--listen",   process.native, "--http",   process.http};
  const auto add = [&](std::initializer_list<std::string> more) { arguments.insert(arguments.end(), more); };
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
       "--durability", cluster.durability});
  if (!process.zone.empty()) add({"--zone", process.zone});
  return arguments;
}

// Starts processes of one cluster together: all become ready, or those it started end again.
class Launch {
 public:
  Launch(const Context& context, const LocalCluster& cluster) : context_(context), cluster_(cluster) {}

  // Resumes what is paused and starts what is down, after checking that every port is free.
  Result<void> start(const std::vector<const LocalProcess*>& processes) {
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
      GYRE_TRY(check_port_free(process->native, who));
      GYRE_TRY(check_port_free(process->http, who));
    }
    for (const auto* process : missing) {
      const fs::path dir = cluster_.process_dir(*process);
      if (has_pid_file(dir)) {
        fmt::print(stderr, "{} had ended by itself (killed or crashed): starting it again.\n", process->id);
      }
      auto live = LiveProcess::start(dir, gyred, gyred_arguments(cluster_, *process));
      if (!live) return undo(std::move(live).error());
      members_.push_back({process, std::move(*live), "started"});
    }
    return {};
  }

  // What runs, but is not in sync everywhere in time, is left running: see unsettled().
  Result<void> wait_until_ready() {
    const InterruptGuard guard;
    const auto begin = Clock::now();
    for (;;) {
      std::vector<const Member*> waiting;
      for (auto& member : members_) {
        if (!member.ready) GYRE_TRY(look_at(member));
        if (!member.ready) waiting.push_back(&member);
      }
      if (waiting.empty()) waiting = members_behind();
      show_progress(waiting);
      if (waiting.empty()) return {};
      if (interrupted()) return undo({ErrorCode::unavailable, {}, "interrupted; what it had started is stopped", {}});
      const auto waited = Clock::now() - begin;
      const bool late = waited > kReadyLimit;
      if ((late || (waited > kSettleLimit && others_are_down())) && all_run(waiting)) {
        clear_progress();
        return {};
      }
      if (late) return undo(not_ready_in_time(*waiting.front()));
      std::this_thread::sleep_for(kReadyPollInterval);
    }
  }

  // What became of each process, for people and for --json.
  Json outcome() const {
    Json list = Json::array();
    for (const auto* member : in_layout_order()) {
      const auto& process = *member->process;
      list.push_back({{"role", process.role},
                      {"id", process.id},
                      {"pid", member->live.pid()},
                      {"native", process.native},
                      {"http", process.http},
                      {"ready", member->ready},
                      {"result", member->result}});
    }
    return list;
  }
  // What runs but was not ready in time, with what it says of itself.
  std::vector<std::string> unsettled() const {
    std::vector<std::string> sentences;
    for (const auto* member : in_layout_order()) {
      if (member->ready) continue;
      sentences.push_back(fmt::format("{} runs, but is not ready yet{}{}", member->process->id,
                                      member->reason.empty() ? "" : ": ", member->reason));
    }
    return sentences;
  }
  void print() const {
    for (const auto* member : in_layout_order()) {
      const auto& process = *member->process;
      fmt::print("  {:<4} {:<11}  {:<15}  http://{:<15}  pid {}{}\n", process.id, process.role, process.native,
                 process.http, member->live.pid(), member->result == "already_running" ? "  (was running)" : "");
    }
  }

 private:
  struct Member {
    const LocalProcess* process;
    LiveProcess live;
    std::string result;  // started, resumed or already_running
    bool ready = false;
    std::string reason = {};  // why it is not, in its own words
  };

  std::vector<const Member*> in_layout_order() const {
    std::vector<const Member*> members;
    for (const auto& member : members_) members.push_back(&member);
    std::ranges::sort(members, {}, &Member::process);
    return members;
  }

  Result<void> look_at(Member& member) {
    if (member.live.ends_within(0ms)) {
      const std::string how = member.live.how_it_ended();
      show_log(member);
      return undo({ErrorCode::unavailable,
                   {},
                   fmt::format("{} ended{}{} before it was ready: see the end of its log above", member.process->id,
                               how.empty() ? "" : " ", how),
                   {}});
    }
    const Readiness readiness = ask_readiness(member.process->http, kReadyAnswerLimit);
    member.ready = readiness.state == Readiness::State::ready;
    if (!readiness.reason.empty()) member.reason = readiness.reason;
    return {};
  }

  // Members that are not ready by the coordinator's newest map: a node is ready already by the map it joined with,
  // in which it may have nothing to serve. Asked once every member was ready, so that this map knows them all.
  // A coordinator is ready when it hears the nodes that run: before, none could hand over to another.
  std::vector<const Member*> members_behind() {
    const CoordinatorView view = coordinator_view(cluster_);
    const bool hears_all = std::ranges::all_of(cluster_.processes, [&](const LocalProcess& process) {
      return process.role != "node" || view.up.contains(process.id) || !runs(cluster_, process);
    });
    std::vector<const Member*> behind;
    for (auto& member : members_) {
      if (member.process->role == "coordinator") {
        member.ready = hears_all;
      } else {
        member.ready = view.epoch > Epoch(0) && known_epoch(*member.process) >= view.epoch &&
                       ask_readiness(member.process->http, kReadyAnswerLimit).state == Readiness::State::ready;
      }
      if (!member.ready) behind.push_back(&member);
    }
    return behind;
  }

  bool others_are_down() const {
    return std::ranges::any_of(cluster_.processes, [&](const LocalProcess& process) {
      return process.role == "node" && !runs(cluster_, process);
    });
  }

  // Each serves what it can: a node has a map of the cluster, a coordinator answers.
  bool all_run(const std::vector<const Member*>& waiting) const {
    return std::ranges::all_of(waiting, [](const Member* member) {
      if (member->process->role == "node") return known_epoch(*member->process) > Epoch(0);
      return ask_readiness(member->process->http, kReadyAnswerLimit).state == Readiness::State::ready;
    });
  }

  Error not_ready_in_time(const Member& member) const {
    show_log(member);
    return {ErrorCode::unavailable,
            {},
            fmt::format("{} was not ready within {} s{}{}", member.process->id, kReadyLimit.count(),
                        member.reason.empty() ? "" : ": ", member.reason),
            {}};
  }

  void show_log(const Member& member) const {
    clear_progress();
    const fs::path log = cluster_.process_dir(*member.process) / "log";
    fmt::print(stderr, "The end of {}:\n", log.string());
    for (const auto& line : last_lines(log, kLogLinesShown)) fmt::print(stderr, "  {}\n", line);
  }

  void show_progress(const std::vector<const Member*>& waiting) const {
    if (!stderr_is_terminal() || context_.quiet) return;
    if (waiting.empty()) return clear_progress();
    std::vector<std::string> ids;
    for (const auto* member : waiting) ids.push_back(member->process->id);
    fmt::print(stderr, "\r\x1b[KStarting: {} of {} ready, waiting for {}", members_.size() - waiting.size(),
               members_.size(), fmt::join(ids, " "));
    std::fflush(stderr);
  }
  static void clear_progress() {
    if (stderr_is_terminal()) fmt::print(stderr, "\r\x1b[K");
  }

  // Ends what this launch started; gives `why` back.
  std::unexpected<Error> undo(Error why) {
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

  const Context& context_;
  const LocalCluster& cluster_;
  std::vector<Member> members_;
};

std::vector<const LocalProcess*> all_of(const LocalCluster& cluster) {
  std::vector<const LocalProcess*> all;
  for (const auto& process : cluster.processes) all.push_back(&process);
  return all;
}

// Makes the directory of a new cluster; refuses one that holds something else.
Result<void> claim_directory(const LocalCluster& cluster) {
  std::error_code error;
  fs::create_directories(cluster.dir, error);
  if (error || !fs::is_directory(cluster.dir, error)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("cannot make the directory {}: {}", cluster.dir.string(), error.message()));
  }
  if (!fs::is_empty(cluster.dir, error)) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} is not empty and not a Gyre cluster directory: choose another --dir", cluster.dir.string()));
  }
  return save_local_cluster(cluster);
}

void print_up(const Context& context, const LocalCluster& cluster, const Launch& launch) {
  if (context.quiet) return;
  if (context.json) {
    print_json({{"dir", cluster.dir.string()}, {"seeds", cluster.seeds()}, {"processes", launch.outcome()}});
    return;
  }
  fmt::print("The cluster in {} is up: {} nodes, {} partitions, replication factor {}.\n", cluster.dir.string(),
             cluster.node_count(), cluster.partitions, cluster.replication_factor);
  launch.print();
  for (const auto& sentence : launch.unsettled()) print_line(sentence);
  fmt::print("Next: `gyre put KEY VALUE`, `gyre cluster status`, `gyre cluster down`.\n");
}

void print_started(const Context& context, const Launch& launch) {
  if (context.quiet) return;
  if (context.json) return print_json(launch.outcome());
  launch.print();
  for (const auto& sentence : launch.unsettled()) print_line(sentence);
}

}  // namespace

fs::path cluster_dir(const Context& context) {
  if (context.dir.empty()) return default_cluster_dir();
  std::error_code error;
  const fs::path absolute = fs::absolute(context.dir, error).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

Result<void> cluster_up(const Context& context, const LayoutOptions& options) {
  const fs::path dir = cluster_dir(context);
  auto cluster = load_local_cluster(dir);
  const bool is_new = !cluster && cluster.error().code == ErrorCode::unavailable;
  if (is_new) {
    cluster = lay_out_local_cluster(dir, options);
    GYRE_TRY(cluster);
    GYRE_TRY(claim_directory(*cluster));
  }
  GYRE_TRY(cluster);
  GYRE_TRY(check_layout(*cluster, options));
  GYRE_TRY_SET(const OwnedFd lock, lock_cluster(dir));

  Launch launch(context, *cluster);
  auto ready = launch.start(all_of(*cluster));
  if (ready) ready = launch.wait_until_ready();
  if (!ready) {
    if (is_new) GYRE_TRY(wipe_local_cluster(*cluster));
    return ready;
  }
  if (!context.quiet) GYRE_TRY(remember_as_last(dir));
  print_up(context, *cluster, launch);
  return {};
}

Result<void> cluster_start(const Context& context, const LocalCluster& cluster,
                           const std::vector<const LocalProcess*>& processes) {
  GYRE_TRY_SET(const OwnedFd lock, lock_cluster(cluster.dir));
  Launch launch(context, cluster);
  GYRE_TRY(launch.start(processes));
  const bool admitted = coordinator_runs(cluster);
  if (admitted) GYRE_TRY(launch.wait_until_ready());
  print_started(context, launch);
  if (!admitted && !context.quiet && !context.json) {
    fmt::print("No coordinator runs: what was started waits for it; start it with `gyre cluster start c1`.\n");
  }
  return {};
}

Result<void> cluster_start_ready(const Context& context, const LocalCluster& cluster, const LocalProcess& process) {
  GYRE_TRY_SET(const OwnedFd lock, lock_cluster(cluster.dir));
  Launch launch(context, cluster);
  GYRE_TRY(launch.start({&process}));
  if (!coordinator_runs(cluster)) {
    return fail(
        ErrorCode::unavailable,
        fmt::format("no coordinator runs that could admit {}: start it with `gyre cluster start c1`", process.id));
  }
  GYRE_TRY(launch.wait_until_ready());
  if (const auto unsettled = launch.unsettled(); !unsettled.empty()) {
    return fail(ErrorCode::unavailable, unsettled.front() + "; what follows it was not restarted");
  }
  print_started(context, launch);
  return {};
}

Result<void> cluster_add_node(const Context& context, const std::string& zone, double weight) {
  if (!(weight > 0 && weight <= limits::kWeightMax)) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("--weight {} is out of range: use a number above 0, at most {}", weight, limits::kWeightMax));
  }
  const fs::path dir = cluster_dir(context);
  GYRE_TRY(load_local_cluster(dir));  // before the lock, which needs the directory
  GYRE_TRY_SET(const OwnedFd lock, lock_cluster(dir));
  GYRE_TRY_SET(LocalCluster cluster, load_local_cluster(dir));
  if (!coordinator_runs(cluster)) {
    return fail(ErrorCode::unavailable,
                fmt::format("the cluster in {} is not up: start it with `gyre cluster up`", dir.string()));
  }
  if (cluster.node_count() >= kLocalNodesMax) {
    return fail(ErrorCode::invalid_argument, fmt::format("a local cluster has at most {} nodes", kLocalNodesMax));
  }
  const LocalCluster before = cluster;
  cluster.processes.push_back(cluster.next_node(zone, weight));
  const LocalProcess& node = cluster.processes.back();
  GYRE_TRY(save_local_cluster(cluster));
  Launch launch(context, cluster);
  auto ready = launch.start({&node});
  if (ready) ready = launch.wait_until_ready();
  if (!ready) {
    std::error_code ignored;
    fs::remove_all(cluster.process_dir(node), ignored);
    GYRE_TRY(save_local_cluster(before));
    return ready;
  }
  print_started(context, launch);
  if (context.quiet || context.json) return {};
  fmt::print("{} has joined. It holds no partitions until the cluster is rebalanced.\n", node.id);
  return {};
}

}  // namespace gyre::cli
