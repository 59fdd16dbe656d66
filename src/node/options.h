// What a node is told when it starts. Filled by `gyred node` from flags, environment and file; checked before use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/time.h"
#include "resp/users.h"
#include "runtime/durability.h"

namespace gyre::node {

using runtime::Durability;

// To another process of the cluster.
inline constexpr Duration kConnectLimit = std::chrono::seconds(1);

struct NodeOptions {
  std::string id = "n1";
  std::string data_dir;  // never empty when the node runs
  std::string listen = "127.0.0.1:7400";
  std::string advertise;  // where others reach the native port; empty: the address it listens at
  std::string http = "127.0.0.1:7401";
  std::string resp = "127.0.0.1:7402";  // for Redis clients; empty: none
  std::string advertise_resp;  // where those reach it, by MOVED and CLUSTER; empty: the address it listens at
  std::string users_file;           // who those may be
  resp::Users users;  // of that file
  std::vector<std::string> coordinators{"127.0.0.1:7300"};
  std::string zone;     // empty: none
  double weight = 1.0;  // relative share of partitions
  std::uint32_t loops = 1;
  std::uint32_t stores = 0;  // 0: as many as loops; fixed when the data directory is created
  Durability durability = Durability::everysec;
  std::size_t cache_bytes = std::size_t{128} << 20;     // block cache of all stores together
  std::size_t record_cache_bytes = std::size_t{256} << 20;  // of all loops together; 0: none
  std::size_t memtable_bytes = std::size_t{64} << 20;   // of each store
  std::size_t value_bytes_max = limits::kValueBytesDefaultMax;
  std::string log_level = "info";
  std::size_t log_bytes = std::size_t{1} << 30;  // of each store's log kept on disk for members that were away
  std::uint32_t capacity = 0;  // requests of clients a second; 0: as many as it can
  bool trust_refused = false;  // a refused connection proves death beyond loopback, too
  bool allow_remote = false;   // listeners beyond loopback are allowed
  bool allow_fault_injection = false;  // whoever reaches a port may make it lose and delay frames, and stand still
};

}  // namespace gyre::node
