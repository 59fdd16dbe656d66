// The command `bench`.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>

#include "base/limits.h"
#include "tools/gyre/bench.h"
#include "tools/gyre/command.h"
#include "tools/gyre/interrupt.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/progress.h"

namespace gyre::cli {

namespace {

// A client has room for so many open calls.
constexpr std::uint32_t kOpenCallsMax = 1'000'000;
constexpr double kRateMax = 1e9;

Result<void> check(const BenchOptions& options) {
  if (options.open_calls() > kOpenCallsMax) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--connections times --depth is {}; at most {} calls can be open",
                            with_commas(options.open_calls()), with_commas(kOpenCallsMax)));
  }
  if (!options.resp_user.empty() && options.resp.empty()) {
    return fail(ErrorCode::invalid_argument, "--resp-user goes with --resp: native clients have no users");
  }
  if (!options.resp.empty() && options.clients > options.connections) {
    return fail(ErrorCode::invalid_argument, "more --clients than --connections: with --resp each has one of its own");
  }
  if (options.clients > options.open_calls()) {
    return fail(ErrorCode::invalid_argument, "more --clients than open calls (--connections times --depth)");
  }
  if (options.value_bytes > limits::kValueBytesDefaultMax) {
    return fail(ErrorCode::invalid_argument, fmt::format("--value-size {} is above the limit of {} bytes",
                                                         options.value_bytes, limits::kValueBytesDefaultMax));
  }
  return {};
}

// Where redis-cli looks, too: arguments can be seen by everybody on the machine.
constexpr const char* kPasswordVariable = "REDISCLI_AUTH";

Result<BenchTargets> connect_resp(const Context& context, const BenchOptions& options) {
  RespEndpoint endpoint{.address = options.resp, .user = options.resp_user};
  if (const char* password = std::getenv(kPasswordVariable)) endpoint.password = password;
  BenchTargets targets;
  for (std::uint32_t i = 0; i < options.clients; ++i) {
    const std::uint32_t share =
        options.connections / options.clients + (i < options.connections % options.clients ? 1 : 0);
    GYRE_TRY_SET(auto target, make_resp_target(endpoint, share, context.deadline));
    targets.push_back(std::move(target));
  }
  return targets;
}

Result<BenchTargets> connect_all(Context& context, const BenchOptions& options) {
  if (!options.resp.empty()) return connect_resp(context, options);
  if (context.client) return BenchTargets{make_client_target(context.client)};
  ClientOptions client_options;
  GYRE_TRY_SET(client_options.seeds, find_seeds(context));
  client_options.deadline = context.deadline;
  client_options.ack = context.ack;
  client_options.read = context.read;
  client_options.connections_per_node = (options.connections + options.clients - 1) / options.clients;
  client_options.calls_in_flight_max = std::max(client_options.calls_in_flight_max, options.open_calls());
  BenchTargets targets;
  while (targets.size() < options.clients) {
    GYRE_TRY_SET(std::shared_ptr<Client> client, Client::connect(client_options));
    targets.push_back(make_client_target(std::move(client)));
  }
  return targets;
}

void show_second(const BenchSecond& second) {
  fmt::print(stderr, "\r{:>5.0f} s  {:>10} ops/s  p50 {:>7.0f} us  p99 {:>7.0f} us  {} errors{}{}", second.at,
             with_commas(static_cast<std::uint64_t>(second.throughput)), static_cast<double>(second.p50.count()) / 1000,
             static_cast<double>(second.p99.count()) / 1000, with_commas(second.errors),
             second.warming_up ? "  (warm-up)" : "", kClearToEndOfLine);
  std::fflush(stderr);
}

int bench(Context& context, const BenchOptions& options) {
  if (const auto sane = check(options); !sane) return report(context, sane.error());
  const auto targets = connect_all(context, options);
  if (!targets) return report(context, targets.error());
  const InterruptGuard guard;
  const bool live = stderr_is_terminal();
  if (options.preload) {
    if (live) fmt::print(stderr, "writing {} keys first\n", with_commas(options.keys));
    const auto filled = preload(*targets, options);
    if (interrupted()) return kExitInterrupted;
    if (!filled) return report(context, filled.error());
  }
  const auto result = run_bench(*targets, options, [&](const BenchSecond& second) {
    if (live) show_second(second);
  });
  if (live) fmt::print(stderr, "\r{}", kClearToEndOfLine);
  if (context.json) {
    print_json(bench_json(options, *result));
  } else {
    fmt::print("{}", bench_text(options, *result));
  }
  if (result->interrupted) return kExitInterrupted;
  return result->operations() == 0 ? kExitUnavailable : kExitOk;
}

void add_load_options(CLI::App& command, BenchOptions& options) {
  command.add_option("--connections", options.connections, "Connections to each node")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command.add_option("--depth", options.depth, "Calls open on each connection")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command.add_option("--clients", options.clients, "Client objects, each with a thread, that share the connections")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      .add_option("--rate", options.rate,
                  "Open loop: start so many operations a second, whatever the answers do (0: closed loop)")
      ->check(CLI::Range(0.0, kRateMax))
      ->capture_default_str();
}

}  // namespace

void add_bench_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<BenchOptions>();
  auto* command = app.add_subcommand("bench", "Measure throughput and latency")->group("Tools");
  add_duration(*command, "--duration", options->duration, "Measure for this long")->default_str("10s");
  add_duration(*command, "--warmup", options->warmup, "Run this long first, uncounted")->default_str("2s");
  command->add_option("--mix", options->read_percent, "Percentage of reads; the rest are writes")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command->add_option("--keys", options->keys, "How many different keys")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000'000}))
      ->capture_default_str();
  add_size(*command, "--value-size", options->value_bytes, "Bytes of each value")->default_str("100");
  add_choice(*command, "--distribution", options->distribution, {"uniform", "zipf"}, "How keys are picked")
      ->capture_default_str();
  command->add_option("--zipf-theta", options->zipf_theta, "Exponent of the Zipf distribution")
      ->check(CLI::Range(0.01, 10.0))
      ->capture_default_str();
  add_load_options(*command, *options);
  command->add_option("--resp", options->resp, "Drive the server there that speaks Redis's protocol, not the cluster")
      ->type_name("HOST:PORT");
  command->add_option("--resp-user", options->resp_user, "Log in there as this user")->type_name("NAME");
  command->add_flag("--preload", options->preload, "Write every key once before the run");
  command->add_option("--seed", options->seed, "Same seed, same keys")->capture_default_str();
  command->footer(R"(
Closed loop: connections x depth calls are always open, and each answer starts the next call. Open loop (--rate):
latency counts from the moment a call was due, so a stall shows in every call it delayed.
A read that finds nothing is no error. Exit code 3 if no operation worked at all.
--resp sends GET and SET to any such server: a router, Redis, a proxy. --connections are to that one; --ack and --read
do not go with it, since a server of another kind does not know them. Its password is taken from the environment:
REDISCLI_AUTH=... gyre bench --resp HOST:PORT)");
  command->require_subcommand(0, 1);
  add_scaling_command(*command, context);
  command->callback([&context, options, command] {
    if (command->get_subcommands().empty()) context.exit_code = bench(context, *options);
  });
}

}  // namespace gyre::cli
