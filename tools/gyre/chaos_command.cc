// `gyre chaos`: breaks a local cluster on purpose, and heals it.
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tools/gyre/chaos_network.h"
#include "tools/gyre/chaos_run.h"
#include "tools/gyre/chaos_schedule.h"
#include "tools/gyre/cluster_up.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/process_commands.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

// Both sides of a fault between processes; each may be a list.
struct PairOptions {
  std::string a;
  std::string b;
  bool one_way = false;
  double rate = 0;
};

Result<Targets> find_all(const LocalCluster& cluster, const std::string& list, bool also_clients = false) {
  Targets found;
  for (const std::string& id : split_list(list)) {
    if (also_clients && id == clients().id) {
      found.push_back(&clients());
      continue;
    }
    GYRE_TRY_SET(const LocalProcess* process, cluster.find(id));
    found.push_back(process);
  }
  if (found.empty()) return fail(ErrorCode::invalid_argument, "name a process, such as n1 or c1");
  return found;
}

void print_injected(const Context& context, const std::vector<PlacedRule>& rules) {
  Json list = Json::array();
  for (const PlacedRule& placed : rules) {
    Json json = rule_json(placed.rule);
    json["id"] = placed.process;
    list.push_back(std::move(json));
    if (!context.json) print_line(fmt::format("{}: {}", placed.process, rule_text(placed.rule)));
  }
  if (context.json) {
    print_json(list);
  } else {
    print_line("`gyre chaos heal` ends it.");
  }
}

// Makes the rules for every pair of the two lists, and injects them.
template <class RulesOf>
Result<void> between(const Context& context, const PairOptions& options, RulesOf rules_of) {
  GYRE_TRY_SET(const LocalCluster cluster, load_local_cluster(cluster_dir(context)));
  GYRE_TRY_SET(const Targets left, find_all(cluster, options.a));
  GYRE_TRY_SET(const Targets right, find_all(cluster, options.b, true));
  std::vector<PlacedRule> rules;
  for (const LocalProcess* a : left) {
    for (const LocalProcess* b : right) {
      if (a == b) return fail(ErrorCode::invalid_argument, fmt::format("{} is on both sides", a->id));
      for (PlacedRule& rule : rules_of(*a, *b)) rules.push_back(std::move(rule));
    }
  }
  GYRE_TRY(inject(cluster, rules));
  print_injected(context, rules);
  return {};
}

std::shared_ptr<PairOptions> add_pair(CLI::App* command) {
  auto options = std::make_shared<PairOptions>();
  command->add_option("A", options->a, "Processes, such as n1 or n1,c1")->required();
  command->add_option("B", options->b, "Processes on the other side, or clients")->required();
  return options;
}

void add_partition(CLI::App* chaos, Context& context) {
  auto* command = chaos->add_subcommand("partition", "Let nothing pass between processes");
  const auto options = add_pair(command);
  command->add_flag("--one-way", options->one_way, "Only what A sends to B is lost");
  command->footer(R"(
Examples:
  gyre chaos partition n1 n2,n3           n1 is cut off from the other nodes, not from the coordinator
  gyre chaos partition n1 n2,n3,c1        and from it, too
  gyre chaos partition n1 n2 --one-way    n2 hears nothing of n1, but n1 hears n2
  gyre chaos partition n1 clients         clients cannot reach n1, its peers can)");
  on_chosen(command, context, [&context, options] {
    return between(context, *options,
                   [&](const LocalProcess& a, const LocalProcess& b) { return cut_rules(a, b, options->one_way); });
  });
}

void add_drop(CLI::App* chaos, Context& context) {
  auto* command = chaos->add_subcommand("drop", "Lose a part of what passes between processes");
  const auto options = add_pair(command);
  command->add_option("--rate", options->rate, "The part that is lost, above 0 and up to 1")->required();
  command->footer("\nExample: gyre chaos drop n1 n2 --rate 0.1");
  on_chosen(command, context, [&context, options]() -> Result<void> {
    if (!(options->rate > 0 && options->rate <= 1)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("--rate {} is out of range: use a number above 0, at most 1", options->rate));
    }
    return between(context, *options, [&](const LocalProcess& a, const LocalProcess& b) {
      return std::vector{drop_rule(a, b, options->rate)};
    });
  });
}

struct SlowOptions {
  std::string processes;
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds jitter{0};
  bool also_clients = false;
};

Result<void> slow(const Context& context, const SlowOptions& options) {
  constexpr auto kDelayMax = 60s;
  if (options.delay + options.jitter == 0ms || options.delay + options.jitter > kDelayMax) {
    return fail(ErrorCode::invalid_argument, "--delay is out of range: use more than 0, and up to 60s");
  }
  GYRE_TRY_SET(const LocalCluster cluster, load_local_cluster(cluster_dir(context)));
  GYRE_TRY_SET(const Targets targets, find_all(cluster, options.processes));
  std::vector<PlacedRule> rules;
  for (const LocalProcess* process : targets) {
    rules.push_back(slow_rule(*process, options.delay, options.jitter));
    if (options.also_clients) rules.push_back(slow_clients_rule(*process, options.delay, options.jitter));
  }
  GYRE_TRY(inject(cluster, rules));
  print_injected(context, rules);
  return {};
}

void add_slow(CLI::App* chaos, Context& context) {
  auto* command = chaos->add_subcommand("slow", "Let all that a process exchanges with others come late");
  auto options = std::make_shared<SlowOptions>();
  command->add_option("process", options->processes, "Processes, such as n1 or n1,n2")->required();
  add_duration(*command, "--delay", options->delay, "How late, each way")->required();
  add_duration(*command, "--jitter", options->jitter, "Up to so much later; nothing overtakes");
  command->add_flag("--clients", options->also_clients, "Also what it exchanges with clients");
  command->footer("\nExample: gyre chaos slow n2 --delay 50ms --jitter 20ms");
  on_chosen(command, context, [&context, options] { return slow(context, *options); });
}

Result<void> heal_command(const Context& context, bool network_only) {
  GYRE_TRY_SET(const LocalCluster cluster, load_local_cluster(cluster_dir(context)));
  Context inner = context;
  inner.quiet = true;
  GYRE_TRY_SET(const auto healed, heal(inner, cluster, network_only));
  Json list = Json::array();
  for (const Healed& one : healed) {
    list.push_back(healed_json(one));
    if (!context.json) print_line(healed_text(one));
  }
  if (context.json) {
    print_json(list);
  } else if (healed.empty()) {
    print_line("Nothing was broken.");
  }
  return {};
}

void add_heal(CLI::App* chaos, Context& context) {
  auto* command = chaos->add_subcommand("heal", "End network faults and pauses, and start what is down");
  auto network_only = std::make_shared<bool>(false);
  command->add_flag("--network", *network_only, "End network faults alone");
  on_chosen(command, context, [&context, network_only] { return heal_command(context, *network_only); });
}

Result<void> status(const Context& context) {
  GYRE_TRY_SET(const LocalCluster cluster, load_local_cluster(cluster_dir(context)));
  const auto list = look_at_faults(cluster);
  Json json = Json::array();
  for (const ProcessFaults& faults : list) {
    Json rules = Json::array();
    for (const auto& rule : faults.rules.value_or(Rules{})) rules.push_back(rule_json(rule));
    json.push_back({{"id", faults.process->id}, {"state", faults.state}, {"rules", std::move(rules)}});
    if (context.json) continue;
    std::string text = fmt::format("{:<8} {:<7}", faults.process->id, faults.state);
    if (!cluster.allow_fault_injection || !faults.process->has_peers()) text += " (refuses network faults)";
    for (const auto& rule : faults.rules.value_or(Rules{})) text += "  " + rule_text(rule);
    print_line(text);
  }
  if (context.json) print_json(json);
  return {};
}

void add_run(CLI::App* chaos, Context& context) {
  auto* command = chaos->add_subcommand("run", "Break one thing after the other, drawn from a seed, then heal all");
  auto options = std::make_shared<ChaosRunOptions>();
  command->add_option("--faults", options->faults, "Which: a list of " + chaos_kind_names())
      ->type_name("kill|pause|partition|one_way|slow|drop|kill_coordinator")
      ->capture_default_str();
  add_duration(*command, "--every", options->every, "A fault so often")->default_str("10s");
  add_duration(*command, "--for", options->duration, "For so long")->default_str("5m");
  command->add_option("--seed", options->seed, "The same seed and nodes, the same faults [random]");
  command->add_flag("--dry-run", options->dry_run, "Only print what would be broken, and when");
  command->footer(R"(
One fault at a time: it begins with each stretch of --every and ends a quarter to three quarters later. However the run
ends, also by Ctrl-C, network faults are ended, what was paused goes on, and what was killed is started. Exit code 0:
the cluster is whole again.

Examples:
  gyre chaos run --every 5s --for 1m                                        kills and pauses
  gyre chaos run --faults kill,pause,partition,slow --every 10s --for 5m    needs --allow-fault-injection
  gyre chaos run --seed 7 --dry-run                                         what seed 7 would do)");
  on_chosen(command, context, [&context, options] { return chaos_run(context, *options); });
}

}  // namespace

void add_chaos_commands(CLI::App& app, Context& context) {
  auto* chaos = app.add_subcommand("chaos", "Break a local cluster on purpose, and watch it heal");
  chaos->require_subcommand(1);
  add_process_command(chaos, context, "kill", "Kill processes with SIGKILL, as a crash would", kill_command);
  add_process_command(chaos, context, "pause", "Freeze processes with SIGSTOP", pause_command);
  add_process_command(chaos, context, "resume", "Let paused processes go on", resume_command);
  add_process_command(chaos, context, "start", "Start processes that are down", cluster_start);
  add_partition(chaos, context);
  add_slow(chaos, context);
  add_drop(chaos, context);
  add_heal(chaos, context);
  on_chosen(chaos->add_subcommand("status", "Show what is broken: processes and network faults"), context,
            [&context] { return status(context); });
  add_run(chaos, context);
  chaos->footer(R"(
Network faults (partition, slow, drop) are made by the processes themselves, and only of a cluster that was started with
`gyre cluster up --allow-fault-injection`. They end with `heal`, or with the process that makes them.
Look on with `gyre cluster watch`, and read what happened with `gyre events`.)");
}

}  // namespace gyre::cli
