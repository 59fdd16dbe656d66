// What a coordinator is told when it starts. Filled by `gyred coordinator` from flags, environment and file.
#pragma once

#include <cstdint>
#include <string>

#include "ring/cluster_map.h"

namespace gyre::coordinator {

struct CoordinatorOptions {
  std::string id = "coordinator";  // in logs
  std::string data_dir;            // never empty when the coordinator runs
  std::string listen = "127.0.0.1:7300";
  std::string advertise;  // where others reach the native port; empty: the address it listens at
  std::string http = "127.0.0.1:7301";
  ring::ClusterShape shape;         // used once, when the cluster is created
  std::uint32_t min_in_sync = 0;    // becomes the shape's; 0: 2, or 1 where there is one copy
  std::uint32_t initial_nodes = 1;  // partitions are placed when so many nodes have joined
  bool trust_refused = false;       // a refused connection proves death beyond loopback, too
  bool balance_primaries = true;    // primaries drift back to where placement wants them
  std::string log_level = "info";
  bool allow_remote = false;  // listeners beyond loopback are allowed
  bool allow_fault_injection = false;  // whoever reaches a port may make this process lose and delay frames
};

}  // namespace gyre::coordinator
