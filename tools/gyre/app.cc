// The command line as a whole: global flags, commands, help.
#include <cstdio>

#include <fmt/format.h>

#include "tools/gyre/command.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/render.h"
#include "tools/gyre/usage.h"

namespace gyre::cli {

namespace {

constexpr const char* kCommandFooter =
    "\n--json, --seeds, --dir, --deadline, --ack, --read and --session go with every command: `gyre --help` explains "
    "them.";

constexpr const char* kFooter = R"(
Which cluster: --seeds or GYRE_SEEDS, else the local cluster in --dir, else the local cluster started last.

Examples:
  gyre cluster up --nodes 3              start a cluster on this machine
  gyre put greeting hello --ttl 10m      store a value for ten minutes
  gyre get greeting                      print it
  gyre put logo --file logo.png          any bytes; `-` instead of a value reads standard input
  gyre put -- -5 --x                     after `--` nothing is read as an option
  gyre scan --prefix user: --json        keys and values as JSON
  gyre where user:1                      which nodes hold a key, and why
  gyre load data.jsonl && gyre dump -    bulk in and out
  gyre bench --duration 10s --mix 90     how fast is it?
  gyre cluster add-node --wait           grow by a node while clients go on
  gyre rebalance plan                    what would move, and what comes of it
  gyre cluster watch                     look at it live
  gyre cluster kill n1; gyre events      break a node, and read what happened
  gyre lost list                         what failovers lost, if anything

Exit codes: 0 ok; 1 not found or condition failed; 2 usage or bad input; 3 unavailable, timeout or a failure of
the system; 130 interrupted.
`gyre COMMAND --help` explains a command.)";

}  // namespace

void build_app(CLI::App& app, Context& context) {
  app.name("gyre");
  app.description("Gyre: a distributed key-value store that never loses silently.");
  app.footer(kCommandFooter);  // commands without one of their own inherit what is set before they are added
  // One command a line: a key may then be called like a command.
  app.require_subcommand(1);
  app.fallthrough();
  app.set_help_flag("-h,--help", "Explain and exit");
  app.set_version_flag("--version", "gyre " GYRE_VERSION, "Print the version and exit");
  app.add_flag("--json", context.json, "Print results and errors as JSON");
  app.add_option("--seeds", context.seeds, "Addresses of nodes or coordinators of the cluster to use")
      ->envname("GYRE_SEEDS")
      ->type_name("HOST:PORT,...");
  app.add_option("--dir", context.dir, "Directory of the local cluster to use")->type_name("DIR");
  add_duration(app, "--deadline", context.deadline, "Give up on a call after this long")
      ->default_str(fmt::format("{}ms", context.deadline.count()));
  add_ack(app, context.ack)->default_str("one");
  add_read(app, context.read)->default_str("primary");
  app.add_option("--session", context.session_file,
                 "Carry a session on from command to command in this file, for --read session")
      ->type_name("FILE");
  add_kv_commands(app, context);
  add_transfer_commands(app, context);
  add_shell_commands(app, context);
  add_bench_command(app, context);
  add_ring_commands(app, context);
  add_cluster_commands(app, context);
  add_node_commands(app, context);
  add_rebalance_commands(app, context);
  add_hot_command(app, context);
  add_router_commands(app, context);
  add_events_command(app, context);
  add_lost_commands(app, context);
  add_promote_command(app, context);
  add_chaos_commands(app, context);
  add_verify_command(app, context);
  for (const char* name :
       {"cluster", "node", "rebalance", "router", "hot", "events", "lost", "promote", "chaos", "verify"}) {
    app.get_subcommand(name)->group("Cluster");
  }
  app.footer(kFooter);
}

int run(int argc, const char* const* argv) {
  Context context;
  CLI::App app;
  build_app(app, context);
  if (argc <= 1) {
    print_line(app.help());
    return kExitUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    return report_usage(app, context, error);
  }
  if (const auto saved = save_session(context); !saved) return report(context, saved.error());
  if (std::fflush(stdout) != 0) {
    return report(context,
                  Error{ErrorCode::storage_failed, Outcome::not_applied, "standard output could not be written", {}});
  }
  return context.exit_code;
}

}  // namespace gyre::cli
