#include "tools/gyre/cluster_members.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "base/limits.h"
#include "client/rpc.h"
#include "tools/gyre/cluster_processes.h"
#include "tools/gyre/cluster_source.h"
#include "tools/gyre/cluster_up.h"
#include "tools/gyre/launch.h"
#include "tools/gyre/leaver_ledger.h"
#include "tools/gyre/moves_follow.h"
#include "tools/gyre/process_commands.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using messages::MovesResponse;
using messages::NodeSetRequest;

constexpr auto kPlanLimit = 3s;  // for the coordinator to set in motion what a join calls for
constexpr auto kNoticeLimit = 5s;  // and to notice that a process is gone
constexpr auto kLookInterval = 100ms;

// --- add-node ---

Result<void> check_add(const LocalCluster& cluster, const AddNodeOptions& options) {
  if (!(options.weight > 0 && options.weight <= limits::kWeightMax)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--weight {} is out of range: use a number above 0, at most {}", options.weight,
                            limits::kWeightMax));
  }
  if (options.count < 1) return fail(ErrorCode::invalid_argument, "--count 0 adds nothing: use a number from 1 on");
  if (cluster.node_count() + cluster.removed.size() + options.count > kLocalNodesMax) {
    return fail(ErrorCode::invalid_argument, fmt::format("a local cluster has at most {} nodes, those included whose "
                                                         "data `remove-node` left behind",
                                                         kLocalNodesMax));
  }
  if (coordinator_runs(cluster)) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("the cluster in {} is not up: start it with `gyre cluster up`", cluster.dir.string()));
}

std::vector<const LocalProcess*> newest(const LocalCluster& cluster, std::size_t count) {
  std::vector<const LocalProcess*> list;
  for (std::size_t i = cluster.processes.size() - count; i < cluster.processes.size(); ++i) {
    list.push_back(&cluster.processes[i]);
  }
  return list;
}

// Takes back what a failed start left: directories, the layout, and the coordinator's knowledge of who had got in.
Result<void> forget_nodes(const Context& context, const LocalCluster& before, const LocalCluster& after) {
  const ClusterSource source = find_source(context).value_or(ClusterSource{});
  for (const LocalProcess* node : newest(after, after.processes.size() - before.processes.size())) {
    std::error_code ignored;
    fs::remove_all(after.process_dir(*node), ignored);
    if (!source.map || source.map->find_node(NodeId(node->id)) == nullptr) continue;
    NodeSetRequest request{
        .node = NodeId(node->id), .weight = {}, .zone = {}, .action = NodeSetRequest::Action::forget};
    if (!ask_coordinator(source, request, context.deadline)) {
      fmt::print(stderr, "{} had joined already: `gyre cluster remove-node {} --force` lets it go.\n", node->id,
                 node->id);
    }
  }
  return save_local_cluster(before);
}

// Starts the nodes under the lock of the cluster. Gives what became of them.
Result<Json> start_nodes(const Context& context, const AddNodeOptions& options, std::vector<std::string>& ids) {
  const fs::path dir = cluster_dir(context);
  GYRE_TRY(load_local_cluster(dir));  // before the lock, which needs the directory
  GYRE_TRY_SET(const OwnedFd lock, lock_cluster(dir));
  GYRE_TRY_SET(LocalCluster cluster, load_local_cluster(dir));
  GYRE_TRY(check_add(cluster, options));
  const LocalCluster before = cluster;
  for (std::uint32_t i = 0; i < options.count; ++i) {
    cluster.processes.push_back(cluster.next_node(options.zone, options.weight));
    ids.push_back(cluster.processes.back().id);
  }
  GYRE_TRY(save_local_cluster(cluster));
  Launch launch(context, cluster);
  auto ready = launch.start(newest(cluster, options.count));
  if (ready) ready = launch.wait_until_admitted();
  if (!ready) {
    GYRE_TRY(forget_nodes(context, before, cluster));
    return fail(std::move(ready).error());
  }
  if (!context.json && !context.quiet) launch.print();
  return launch.outcome();
}

// The coordinator plans when it admits; until it has, nothing would be open.
void await_plan(const Context& context, const ClusterSource& source) {
  const auto end = Clock::now() + kPlanLimit;
  while (Clock::now() < end) {
    const auto moves = ask_coordinator_for<MovesResponse>(source, messages::MovesRequest{}, context.deadline);
    if (moves && (!moves->moves.empty() || !moves->policy.automatic)) return;
    std::this_thread::sleep_for(kLookInterval);
  }
}

// --- remove-node ---

struct Leaver {
  NodeId id;
  bool in_map = false;
  std::optional<LocalProcess> process;  // of the local cluster
  bool lived = false;  // its process, when the command began
};

bool lives(const ClusterSource& source, const Leaver& leaver) {
  return leaver.process && LiveProcess::find(source.local->process_dir(*leaver.process));
}

Result<Leaver> find_leaver(const ClusterSource& source, const RemoveNodeOptions& options) {
  Leaver leaver;
  if (source.local) {
    const LocalProcess* process = source.local->find_or_null(options.node);
    if (process != nullptr && process->role != "node") {
      return fail(ErrorCode::invalid_argument, fmt::format("{} is a {}, not a node", process->id, process->role));
    }
    if (process != nullptr) leaver.process = *process;
  }
  if (!leaver.process) GYRE_TRY(find_node_id(*source.map, options.node));
  leaver.id = NodeId(options.node);
  leaver.in_map = source.map->find_node(leaver.id) != nullptr;
  leaver.lived = lives(source, leaver);
  if (options.wipe && !leaver.process) {
    return fail(ErrorCode::invalid_argument,
                "--wipe deletes the directory of a local cluster's node: delete this one's where it ran");
  }
  return leaver;
}

// Of a process that has just ended the coordinator may not know yet.
Result<void> await_down(const Context& context, const ClusterSource& source, const NodeId& node) {
  const auto end = Clock::now() + kNoticeLimit;
  while (Clock::now() < end) {
    GYRE_TRY_SET(const auto status,
                 ask_coordinator_for<messages::StatusResponse>(source, messages::StatusRequest{}, context.deadline));
    const auto known = std::ranges::find(status.nodes, node, &messages::NodeStatus::node);
    if (known == status.nodes.end() || !known->up) return {};
    std::this_thread::sleep_for(kLookInterval);
  }
  return {};  // it will say what it thinks of it
}

Result<void> check_forget(const Context& context, const ClusterSource& source, const Leaver& leaver) {
  const std::string& id = leaver.id.str();
  if (lives(source, leaver)) {
    return fail(
        ErrorCode::condition_failed,
        fmt::format("{} runs: leave --force away to drain it first, or end it with `gyre cluster kill {}`", id, id));
  }
  return leaver.process ? await_down(context, source, leaver.id) : Result<void>{};
}

bool is_in_map(const ClusterSource& source, const NodeId& node, Duration limit) {
  const auto status = ask_coordinator_for<messages::StatusResponse>(source, messages::StatusRequest{}, limit);
  return !status || !status->map || status->map->find_node(node) != nullptr;
}

// False: nothing moves by itself, so that waiting would be in vain.
bool will_leave(const Context& context, const ClusterSource& source, const NodeId& node) {
  const auto end = Clock::now() + kPlanLimit;
  while (Clock::now() < end) {
    const auto moves = ask_coordinator_for<MovesResponse>(source, messages::MovesRequest{}, context.deadline);
    if (!moves || moves->policy.automatic || !moves->moves.empty()) return true;
    if (!is_in_map(source, node, context.deadline)) return true;
    std::this_thread::sleep_for(kLookInterval);
  }
  return false;
}

// Until the cluster no longer knows the node: by then what it held is deleted, if it lives.
Result<void> await_leaving(const Context& context, const ClusterSource& source, const Leaver& leaver,
                           LeaverLedger* ledger) {
  auto followed = follow_moves(context, source, waiting_form(context), [&](const MovesResponse&) {
    if (ledger != nullptr) ledger->read();
    return !is_in_map(source, leaver.id, context.deadline);
  });
  if (followed) return {};
  followed.error().message = fmt::format(
      "interrupted: {} goes on leaving; `gyre cluster remove-node {}` sees it to its end, `gyre node resume {}` keeps "
      "it",
      leaver.id.str(), leaver.id.str(), leaver.id.str());
  return fail(std::move(followed).error());
}

// What became of a process that is no node's any more.
struct Farewell {
  bool stopped = false;
  bool wiped = false;
  std::vector<std::string> notes;
};

// What the ledger says of losses goes nowhere: it is saved before the node's data may be deleted.
Result<Farewell> stop_and_tidy(const LocalCluster& known, const Leaver& leaver, const RemoveNodeOptions& options,
                               LeaverLedger& ledger) {
  Farewell farewell;
  farewell.stopped = leaver.lived;
  GYRE_TRY_SET(const OwnedFd lock, lock_cluster(known.dir));
  GYRE_TRY_SET(LocalCluster cluster, load_local_cluster(known.dir));
  const LocalProcess* process = cluster.find_or_null(leaver.id.str());
  if (process == nullptr) return farewell;  // another command was faster
  const fs::path dir = cluster.process_dir(*process);
  if (LiveProcess::find(dir)) ledger.read();
  GYRE_TRY(check_ended(end_processes(cluster, {process}, false)));
  if (ledger.entries() > 0) GYRE_TRY(ledger.save(cluster.saved_ledger(process->id)));
  if (options.wipe && !options.force && !ledger.complete()) {
    farewell.notes.push_back(
        fmt::format("not all of {}'s loss ledger could be saved: its data stays in {}", process->id, dir.string()));
  } else if (options.wipe) {
    std::error_code error;
    fs::remove_all(dir, error);
    farewell.wiped = !error;
    if (error) farewell.notes.push_back(fmt::format("cannot delete {}: {}", dir.string(), error.message()));
  }
  if (!farewell.wiped) cluster.removed.push_back(process->id);
  std::erase_if(cluster.processes, [&](const LocalProcess& p) { return p.id == leaver.id.str(); });
  GYRE_TRY(save_local_cluster(cluster));
  return farewell;
}

void print_farewell(const Context& context, const ClusterSource& source, const Leaver& leaver, const Farewell& farewell,
                    std::size_t ledger_entries) {
  const std::string id = leaver.id.str();
  if (context.json) {
    print_json({{"node", id},
                {"left", true},
                {"stopped", farewell.stopped},
                {"wiped", farewell.wiped},
                {"ledger_entries_saved", ledger_entries},
                {"notes", farewell.notes}});
    return;
  }
  std::string text = fmt::format("{} has left the cluster", id);
  if (farewell.stopped) text += " and is stopped";
  if (leaver.process) {
    const std::string dir = source.local->process_dir(*leaver.process).string();
    text += farewell.wiped ? fmt::format("; {} is deleted", dir) : fmt::format("; its directory is {}", dir);
  }
  print_line(text + ".");
  if (ledger_entries > 0) {
    print_line(fmt::format("Its loss ledger ({}) is saved in {}.", counted(ledger_entries, "entry", "entries"),
                           source.local->saved_ledger(id).string()));
  }
  for (const auto& note : farewell.notes) print_line("Note: " + note + ".");
}

Result<void> print_leaving(const Context& context, const ClusterSource& source, const Leaver& leaver) {
  GYRE_TRY_SET(const Aftermath after, see_aftermath(context, source, false));
  if (context.json) {
    print_json({{"node", leaver.id.str()}, {"left", false}, {"moves", after.moves}, {"bytes", after.bytes}});
  } else {
    print_line(fmt::format("{} is leaving. {}", leaver.id.str(), after.sentence));
  }
  return {};
}

}  // namespace

Result<void> cluster_add_node(const Context& context, const AddNodeOptions& options) {
  std::vector<std::string> ids;
  GYRE_TRY_SET(const Json outcome, start_nodes(context, options, ids));
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  await_plan(context, source);
  if (!context.json && !context.quiet) {
    print_line(fmt::format("{} {} joined.", fmt::join(ids, ", "), ids.size() == 1 ? "has" : "have"));
  }
  GYRE_TRY_SET(const Aftermath after, see_aftermath(context, source, options.wait));
  if (context.quiet) return {};
  if (context.json) {
    print_json(outcome);
  } else {
    print_line(after.sentence);
  }
  return {};
}

Result<void> cluster_remove_node(const Context& context, const RemoveNodeOptions& options) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  GYRE_TRY_SET(const Leaver leaver, find_leaver(source, options));
  if (options.force) GYRE_TRY(check_forget(context, source, leaver));
  if (leaver.in_map) {
    NodeSetRequest request{.node = leaver.id,
                           .weight = {},
                           .zone = {},
                           .action = options.force ? NodeSetRequest::Action::forget : NodeSetRequest::Action::remove};
    GYRE_TRY(ask_coordinator_for<messages::SetResponse>(source, request, context.deadline));
  }
  if (!options.wait || !will_leave(context, source, leaver.id)) return print_leaving(context, source, leaver);
  std::optional<LeaverLedger> ledger;
  if (leaver.process) ledger.emplace(source, leaver.id, leaver.process->native);
  GYRE_TRY(await_leaving(context, source, leaver, leaver.lived ? &*ledger : nullptr));
  Farewell farewell;
  if (ledger) {
    GYRE_TRY_SET(farewell, stop_and_tidy(*source.local, leaver, options, *ledger));
  }
  print_farewell(context, source, leaver, farewell, ledger ? ledger->entries() : 0);
  return {};
}

}  // namespace gyre::cli
