// What every subcommand of the CLI shares: global flags, how to find a cluster, how to report and exit.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "gyre/client.h"
#include "tools/gyre/interrupt.h"

namespace gyre::cli {

// Documented in `gyre --help`.
enum ExitCode : int {
  kExitOk = 0,
  kExitNegative = 1,     // not found, or a condition failed
  kExitUsage = 2,        // wrong flags or arguments
  kExitUnavailable = 3,  // cluster unreachable, timeout, or a failure of the system
};

// Global flags; filled by CLI11 before the chosen subcommand's callback runs.
struct Context {
  bool json = false;
  std::string seeds;  // --seeds or GYRE_SEEDS: HOST:PORT,...
  std::string dir;    // --dir: directory of a local cluster
  std::chrono::milliseconds deadline{2000};
  Ack ack = Ack::one();
  // A command is a session of its own, so that reads go to primaries unless a session is carried on.
  Read read = Read::primary();
  std::string session_file;  // --session: read before the first call, written after the last

  bool quiet = false;  // a command that runs inside another one says nothing on standard output
  bool in_shell = false;            // standard input holds commands, so that no value can be read from it
  std::shared_ptr<Client> client;   // filled by shared_client()

  int exit_code = kExitOk;  // what main() returns; set by the subcommand's callback
};

// Seeds by --seeds or GYRE_SEEDS, else of the local cluster in --dir, else of the local cluster started last.
// ERRORS: invalid_argument, unavailable (says how to name a cluster).
Result<std::vector<std::string>> find_seeds(const Context& context);
Result<std::unique_ptr<Client>> connect(const Context& context);
// The client of this context, connected at the first call. Valid as long as the context.
Result<Client*> shared_client(Context& context);
// Writes the session of that client to the session file, if one is named. ERRORS: storage_failed.
Result<void> save_session(const Context& context);

// Prints the error (to stderr, coloured on a terminal; as {"error":{...}} with --json) and gives the exit code for it.
int report(const Context& context, const Error& error);
// The same for a write: says as well whether it may have been applied.
int report_write(const Context& context, const Error& error);

// True if a person is watching: standard error is a terminal and NO_COLOR is unset.
bool stderr_is_terminal();

// Reads the command line, runs the command and gives the exit code.
int run(int argc, const char* const* argv);
// Everything `gyre` knows: global flags, all commands, help.
void build_app(CLI::App& app, Context& context);

// Runs `work` when the subcommand is chosen, and turns its error into the exit code.
template <class Work>
void on_chosen(CLI::App* command, Context& context, Work work) {
  command->callback([&context, work = std::move(work)] {
    const Result<void> result = work();
    if (result) return;
    context.exit_code = report(context, result.error());
    if (interrupted()) context.exit_code = kExitInterrupted;
  });
}

// Each adds its subcommands; every subcommand's callback stores its result in context.exit_code.
void add_kv_commands(CLI::App& app, Context& context);  // put get del mget cas incr ttl expire persist scan where
void add_transfer_commands(CLI::App& app, Context& context);  // load dump
void add_shell_commands(CLI::App& app, Context& context);  // shell completion
void add_bench_command(CLI::App& app, Context& context);  // bench
void add_scaling_command(CLI::App& bench, Context& context);  // bench scaling
void add_ring_commands(CLI::App& app, Context& context);  // ring simulate
void add_cluster_commands(CLI::App& app, Context& context);  // cluster ...
void add_events_command(CLI::App& app, Context& context);  // events
void add_lost_commands(CLI::App& app, Context& context);  // lost list show replay
void add_promote_command(CLI::App& app, Context& context);  // promote
void add_node_commands(CLI::App& app, Context& context);  // node set drain resume
void add_rebalance_commands(CLI::App& app, Context& context);  // rebalance plan apply pause resume limit status
void add_router_commands(CLI::App& app, Context& context);  // router status set
void add_hot_command(CLI::App& app, Context& context);  // hot
void add_chaos_commands(CLI::App& app, Context& context);  // chaos ...
void add_verify_command(CLI::App& app, Context& context);  // verify

}  // namespace gyre::cli
