// echo_bench: what sockets alone cost on this machine, as a limit for Gyre's figures.
#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "tools/bench/echo/client.h"
#include "tools/bench/echo/server.h"

namespace gyre::echo {

namespace {

// Per connection. Both sides write before they read again, so more than the sockets hold would stop them for ever.
constexpr std::size_t kBytesInFlightMax = 128 * 1024;

struct Figures {
  std::uint64_t operations = 0;
  double throughput = 0;  // operations per second
  double server_cpu_us = 0;  // of the server's thread, per operation
};

Figures measure(ClientOptions options) {
  using Clock = std::chrono::steady_clock;
  Server server(options.frame_bytes);
  options.server = server.endpoint();
  std::chrono::microseconds cpu_before{0};
  Clock::time_point begin;
  const std::uint64_t operations = run_client(options, [&] {
    cpu_before = server.cpu_time();
    begin = Clock::now();
  });
  const std::chrono::duration<double> took = Clock::now() - begin;
  const std::chrono::microseconds cpu = server.cpu_time() - cpu_before;
  return {.operations = operations,
          .throughput = static_cast<double>(operations) / took.count(),
          .server_cpu_us = operations == 0 ? 0 : static_cast<double>(cpu.count()) / static_cast<double>(operations)};
}

void print(const ClientOptions& options, const Figures& figures, bool json) {
  if (json) {
    const nlohmann::json document = {{"connections", options.connections},
                                     {"depth", options.depth},
                                     {"frame_bytes", options.frame_bytes},
                                     {"duration_ms", options.duration.count()},
                                     {"operations", figures.operations},
                                     {"throughput", figures.throughput},
                                     {"server_cpu_us_per_operation", figures.server_cpu_us}};
    fmt::print("{}\n", document.dump());
    return;
  }
  fmt::print(
      "{} connections, {} deep, {}-byte frames: {} operations, {:.0f} per second, "
      "{:.3f} us of server CPU each\n",
      options.connections, options.depth, options.frame_bytes, figures.operations, figures.throughput,
      figures.server_cpu_us);
}

int run(int argc, char** argv) {
  ClientOptions options;
  std::uint64_t warmup_ms = 500;
  std::uint64_t duration_ms = 5000;
  bool json = false;
  const std::map<std::string, std::uint64_t> units = {{"ms", 1}, {"s", 1000}, {"m", 60'000}};
  const CLI::AsNumberWithUnit with_unit(units, CLI::AsNumberWithUnit::UNIT_REQUIRED);
  CLI::App app("A bare Asio echo server and its client on loopback: what sockets alone cost.", "echo_bench");
  app.add_option("--connections", options.connections, "connections")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--depth", options.depth, "frames unanswered on each")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  app.add_option("--frame-bytes", options.frame_bytes, "size of a frame, both ways")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, Server::kReadBytes));
  app.add_option("--warmup", warmup_ms, "before measuring (default 500ms)")->transform(with_unit);
  app.add_option("--duration", duration_ms, "of measuring (default 5s)")->transform(with_unit);
  app.add_flag("--json", json, "print one line of JSON");
  CLI11_PARSE(app, argc, argv);
  options.warmup = std::chrono::milliseconds(warmup_ms);
  options.duration = std::chrono::milliseconds(duration_ms);
  if (options.depth * options.frame_bytes > kBytesInFlightMax) {
    throw std::invalid_argument(fmt::format("--depth times --frame-bytes may be at most {}", kBytesInFlightMax));
  }
  print(options, measure(options), json);
  return 0;
}

}  // namespace

}  // namespace gyre::echo

int main(int argc, char** argv) {
  try {
    return gyre::echo::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "echo_bench: {}\n", error.what());
    return 3;
  }
}
