// How commands find their cluster and report what went wrong.
#include "tools/gyre/command.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "tools/gyre/local_cluster.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/render.h"

namespace gyre::cli {

namespace {

ExitCode exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found:
    case ErrorCode::condition_failed: return kExitNegative;
    case ErrorCode::invalid_argument:
    case ErrorCode::too_large: return kExitUsage;
    default: return kExitUnavailable;
  }
}

// A file that does not exist yet is a session that has seen nothing.
Result<void> load_session(const std::string& file, Client& client) {
  std::ifstream in(file);
  std::string token;
  if (!in || !(in >> token)) return {};
  auto resumed = client.resume_session(token);
  if (!resumed) resumed.error().message = fmt::format("{}: {}", file, resumed.error().message);
  return resumed;
}

int print_error(const Context& context, const Error& error, std::string_view note) {
  std::fflush(stdout);
  if (context.json) {
    fmt::print(stderr, "{}\n", Json{{"error", to_json(error)}}.dump());
  } else {
    const std::string_view label = stderr_is_terminal() ? "\033[1;31merror\033[0m" : "error";
    fmt::print(stderr, "{}: {}\n{}", label, error.to_string(), note);
  }
  return exit_code_of(error.code);
}

}  // namespace

Result<std::vector<std::string>> find_seeds(const Context& context) {
  if (!context.seeds.empty()) {
    auto seeds = split_list(context.seeds);
    if (seeds.empty()) {
      return fail(ErrorCode::invalid_argument, "--seeds names no address: write HOST:PORT,HOST:PORT,...");
    }
    return seeds;
  }
  const auto dir = context.dir.empty() ? default_cluster_dir() : std::filesystem::path(context.dir);
  auto cluster = load_local_cluster(dir);
  if (cluster) return cluster->seeds();
  if (context.dir.empty() && cluster.error().code == ErrorCode::unavailable) {
    return fail(ErrorCode::unavailable,
                "no cluster is named and no local one was started: pass --seeds HOST:PORT,... (or set "
                "GYRE_SEEDS), or start one with `gyre cluster up`");
  }
  return fail(cluster.error());
}

Result<std::unique_ptr<Client>> connect(const Context& context) {
  ClientOptions options;
  GYRE_TRY_SET(options.seeds, find_seeds(context));
  options.deadline = context.deadline;
  options.ack = context.ack;
  options.read = context.read;
  return Client::connect(std::move(options));
}

Result<Client*> shared_client(Context& context) {
  if (!context.client) {
    GYRE_TRY_SET(context.client, connect(context));
    if (!context.session_file.empty()) GYRE_TRY(load_session(context.session_file, *context.client));
  }
  return context.client.get();
}

Result<void> save_session(const Context& context) {
  if (!context.client || context.session_file.empty()) return {};
  std::ofstream out(context.session_file, std::ios::trunc);
  out << context.client->session_token() << std::endl;
  if (out) return {};
  return fail(ErrorCode::storage_failed, fmt::format("cannot write the session to {}", context.session_file));
}

int report(const Context& context, const Error& error) { return print_error(context, error, ""); }

int report_write(const Context& context, const Error& error) {
  if (error.outcome == Outcome::unknown) {
    return print_error(context, error,
                       "outcome unknown: the write may have been applied; read the key before you write it again\n");
  }
  const bool was_sent =
      error.code == ErrorCode::busy || error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
  return print_error(context, error, was_sent ? "outcome known: nothing was written\n" : "");
}

bool stderr_is_terminal() {
  const char* const no_color = std::getenv("NO_COLOR");
  return isatty(STDERR_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

}  // namespace gyre::cli
