#include "tools/gyre/scratch_cluster.h"

#include <stdlib.h>

#include <chrono>
#include <csignal>

#include <fmt/core.h>

#include "tools/gyre/cluster_processes.h"

namespace gyre::cli {

namespace fs = std::filesystem;

Result<fs::path> make_scratch_directory(const std::string& command) {
  std::error_code error;
  const fs::path base = fs::temp_directory_path(error);
  std::string name = (base / ("gyre-" + command + "-XXXXXX")).string();
  if (error || mkdtemp(name.data()) == nullptr) {
    return fail(ErrorCode::storage_failed, fmt::format("cannot make a directory in {}", base.string()));
  }
  return fs::path(name);
}

Result<std::uint32_t> free_base_port(std::uint32_t nodes, const std::string& command) {
  constexpr std::uint32_t kFirst = 17'400;
  constexpr std::uint32_t kStep = 1000;
  constexpr std::uint32_t kLast = 60'000;
  for (std::uint32_t base = kFirst; base < kLast; base += kStep) {
    bool is_free = true;
    for (std::uint32_t i = 0; i <= nodes && is_free; ++i) {
      for (std::uint32_t port = base + kPortsPerProcess * i; port <= base + kPortsPerProcess * i + 2; ++port) {
        is_free = is_free && check_port_free(fmt::format("127.0.0.1:{}", port), command).has_value();
      }
    }
    if (is_free) return base;
  }
  return fail(ErrorCode::unavailable, "no free range of ports was found on 127.0.0.1");
}

Result<void> tear_down(const LocalCluster& cluster, bool keep) {
  constexpr auto kEndLimit = std::chrono::seconds(5);
  for (const LocalProcess& process : cluster.processes) {
    const auto live = LiveProcess::find(cluster.process_dir(process));
    if (live) {
      live->send(SIGKILL);
      live->ends_within(kEndLimit);
    }
    remove_pid_file(cluster.process_dir(process));
  }
  if (!keep) return wipe_local_cluster(cluster);
  fmt::print(stderr, "The cluster's data and logs are kept in {}.\n", cluster.dir.string());
  return {};
}

}  // namespace gyre::cli
