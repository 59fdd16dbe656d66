// The life of a coordinator process: start, wait for a signal, stop.
#include <csignal>

#include <spdlog/spdlog.h>

#include "coordinator/server.h"

namespace gyre::coordinator {

namespace {

int exit_code_of(const Error& error) {
  if (error.code == ErrorCode::invalid_argument) return 2;
  return error.code == ErrorCode::unavailable ? 3 : 1;
}

}  // namespace

int run_coordinator(const CoordinatorOptions& options) {
  // Blocked before any thread exists, so that every thread inherits it and the signal waits for us.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  auto server = Server::start(options);
  if (!server) {
    spdlog::error("{}", server.error().message);
    return exit_code_of(server.error());
  }
  spdlog::info("ready: native={} http={}", (*server)->native_address(), (*server)->http_address());
  int signal = 0;
  sigwait(&stop_signals, &signal);
  spdlog::info("stopping: signal={}", signal == SIGTERM ? "SIGTERM" : "SIGINT");
  pthread_sigmask(SIG_UNBLOCK, &stop_signals, nullptr);  // a second one ends the process at once
  server->reset();
  spdlog::info("stopped");
  return 0;
}

}  // namespace gyre::coordinator
