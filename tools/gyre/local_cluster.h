// The files of a local cluster, by which every command finds it.
//
//   DIR/cluster.json   its layout; what makes DIR a Gyre cluster directory
//   DIR/lock           held by the command that starts or stops processes
//   DIR/<id>/          one process: `pid`, `log` and `data/`
//   DIR/lost-<id>.jsonl  what the loss ledger of a node that was removed said
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gyre/result.h"

namespace gyre::cli {

struct LocalProcess {
  std::string role;  // "coordinator", "node", "router"
  std::string id;
  std::string zone;
  double weight = 1.0;
  std::string native;  // "127.0.0.1:7400"; empty: none
  std::string http;
  std::string resp = {};  // empty: none

  // Others of the cluster speak to it; a router's native port is for clients alone.
  bool has_peers() const { return role != "router" && !native.empty(); }
  bool operator==(const LocalProcess&) const = default;
};

// DIR/cluster.json
struct LocalCluster {
  std::filesystem::path dir;
  std::uint32_t partitions = 0;
  std::uint32_t replication_factor = 1;
  std::uint16_t base_port = 0;
  std::string durability;  // of the nodes' writes: os, everysec or always
  std::string users;  // nodes and routers are started with --users and this file; empty: without
  bool allow_fault_injection = false;  // every process is started with --allow-fault-injection
  std::vector<LocalProcess> processes;  // coordinators first
  std::vector<std::string> removed;  // nodes that are none any more, but whose directory is still there

  // Native addresses of the nodes.
  std::vector<std::string> seeds() const;
  std::size_t node_count() const;
  std::filesystem::path process_dir(const LocalProcess& process) const { return dir / process.id; }
  // Where what the loss ledger of a removed node said is kept.
  std::filesystem::path saved_ledger(const std::string& id) const { return dir / ("lost-" + id + ".jsonl"); }
  // ERRORS: invalid_argument (names the nearest id there is).
  Result<const LocalProcess*> find(std::string_view id) const;
  // Null: none is called so.
  LocalProcess* find_or_null(std::string_view id);
  const LocalProcess* find_or_null(std::string_view id) const;
  // Lays out one more node: the next number that no node has or has left data under, and its ports.
  LocalProcess next_node(std::string zone, double weight) const;
  std::size_t router_count() const;
};

// What the command line says of a cluster; an option not given takes its default, or what the cluster was made with.
struct LayoutOptions {
  std::optional<std::uint32_t> nodes;
  std::optional<std::uint32_t> routers;
  std::optional<std::uint32_t> replication_factor;
  std::optional<std::uint32_t> partitions;
  std::optional<std::uint32_t> base_port;
  std::optional<std::string> durability;
  std::optional<std::string> users;
  std::vector<std::string> zones;  // given to the nodes in turn; empty: none
  bool allow_fault_injection = false;  // false: as the cluster was made
};

// Ports of one process, counted from its native one: HTTP is next, RESP the third. Routers have some of the
// coordinator's.
inline constexpr std::uint16_t kPortsPerProcess = 10;
inline constexpr std::uint16_t kDefaultBasePort = 7400;
inline constexpr std::uint32_t kLocalNodesMax = 99;
inline constexpr std::uint32_t kLocalRoutersMax = 2;

// A new cluster by options and defaults; touches no file. ERRORS: invalid_argument.
Result<LocalCluster> lay_out_local_cluster(const std::filesystem::path& dir, const LayoutOptions& options);
// ERRORS: invalid_argument, if an option says something else than what the cluster was made with.
Result<void> check_layout(const LocalCluster& cluster, const LayoutOptions& options);

// ERRORS: unavailable (no local cluster there; says how to start one), corrupt.
Result<LocalCluster> load_local_cluster(const std::filesystem::path& dir);
// Durable against a crash of this process: the file is replaced whole. ERRORS: storage_failed.
Result<void> save_local_cluster(const LocalCluster& cluster);
// Deletes what Gyre made in the cluster's directory, and the directory if nothing else is in it.
// REQUIRES: its processes are down.  ERRORS: storage_failed (says what is left).
Result<void> wipe_local_cluster(const LocalCluster& cluster);

// The directory used when --dir is not given: that of the cluster started last, else $XDG_DATA_HOME/gyre/local
// (~/.local/share/gyre/local).
std::filesystem::path default_cluster_dir();
Result<void> remember_as_last(const std::filesystem::path& dir);

}  // namespace gyre::cli
