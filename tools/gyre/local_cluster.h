// The files of a local cluster, by which every command finds it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "gyre/result.h"

namespace gyre::cli {

struct LocalProcess {
  std::string role;  // "coordinator", "node", "router"
  std::string id;
  std::string zone;
  double weight = 1.0;
  std::string native;  // "127.0.0.1:7400"
  std::string http;
};

// DIR/cluster.json
struct LocalCluster {
  std::filesystem::path dir;
  std::uint32_t partitions = 0;
  std::uint32_t replication_factor = 1;
  std::uint16_t base_port = 0;
  std::vector<LocalProcess> processes;

  // Native addresses of the nodes.
  std::vector<std::string> seeds() const;
};

// ERRORS: not_found (no local cluster there; says how to start one), corrupt.
Result<LocalCluster> load_local_cluster(const std::filesystem::path& dir);
Result<void> save_local_cluster(const LocalCluster& cluster);

// The directory used when --dir is not given: that of the cluster started last, else $XDG_DATA_HOME/gyre/local
// (~/.local/share/gyre/local).
std::filesystem::path default_cluster_dir();
Result<void> remember_as_last(const std::filesystem::path& dir);

}  // namespace gyre::cli
