// The life of a coordinator process: start, wait for a signal, stop.
#include <spdlog/spdlog.h>

#include "coordinator/server.h"
#include "net/stop_signal.h"

namespace gyre::coordinator {

namespace {

int exit_code_of(const Error& error) {
  if (error.code == ErrorCode::invalid_argument) return 2;
  return error.code == ErrorCode::unavailable ? 3 : 1;
}

}  // namespace

int run_coordinator(const CoordinatorOptions& options) {
  net::StopSignal stop;
  auto server = Server::start(options);
  if (!server) {
    spdlog::error("{}", server.error().message);
    return exit_code_of(server.error());
  }
  spdlog::info("ready: native={} http={}", (*server)->native_address(), (*server)->http_address());
  const int asked = stop.wait();
  spdlog::info("stopping");
  server->reset();
  spdlog::info("stopped");
  return asked;
}

}  // namespace gyre::coordinator
