#include "tools/gyre/local_cluster.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/limits.h"
#include "ring/slot.h"
#include "tools/gyre/suggest.h"

namespace gyre::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;  // of cluster.json
constexpr std::uint32_t kNodesDefault = 3;
constexpr std::uint32_t kRoutersDefault = 1;
// Of each router: RESP first, HTTP next, and one to spare.
constexpr std::uint32_t kPortsPerRouter = 3;

fs::path data_home() {
  if (const char* dir = std::getenv("XDG_DATA_HOME"); dir && *dir) return fs::path(dir) / "gyre";
  const char* home = std::getenv("HOME");
  return fs::path(home && *home ? home : "/tmp") / ".local/share/gyre";
}

fs::path last_file() { return data_home() / "last"; }

bool has_cluster(const fs::path& dir) {
  std::error_code ignored;
  return fs::exists(dir / "cluster.json", ignored);
}

Result<void> replace_file(const fs::path& path, const std::string& content) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  const fs::path draft = path.string() + ".new";
  std::ofstream out(draft, std::ios::binary | std::ios::trunc);
  out << content;
  out.close();
  if (out) fs::rename(draft, path, error);
  if (!out || error) {
    return fail(ErrorCode::storage_failed, fmt::format("cannot write {}: {}", path.string(),
                                                       error ? error.message() : "is the directory writable?"));
  }
  return {};
}

void remove_saved_ledgers(const fs::path& dir) {
  std::error_code ignored;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry(dir, ignored), end; !ignored && entry != end; entry.increment(ignored)) {
    const std::string name = entry->path().filename();
    if (name.starts_with("lost-") && name.ends_with(".jsonl")) found.push_back(entry->path());
  }
  for (const auto& path : found) fs::remove(path, ignored);
}

nlohmann::json cluster_json(const LocalCluster& cluster) {
  nlohmann::json processes = nlohmann::json::array();
  for (const auto& p : cluster.processes) {
    processes.push_back({{"role", p.role},
                         {"id", p.id},
                         {"zone", p.zone},
                         {"weight", p.weight},
                         {"native", p.native},
                         {"http", p.http},
                         {"resp", p.resp}});
  }
  return {{"format", kFormat},
          {"partitions", cluster.partitions},
          {"replication_factor", cluster.replication_factor},
          {"base_port", cluster.base_port},
          {"durability", cluster.durability},
          {"users", cluster.users},
          {"allow_fault_injection", cluster.allow_fault_injection},
          {"processes", std::move(processes)},
          {"removed", cluster.removed}};
}

// May throw nlohmann::json::exception on a document of another shape.
LocalCluster from_json(const nlohmann::json& document) {
  LocalCluster cluster;
  cluster.partitions = document.at("partitions").get<std::uint32_t>();
  cluster.replication_factor = document.at("replication_factor").get<std::uint32_t>();
  cluster.base_port = document.at("base_port").get<std::uint16_t>();
  cluster.durability = document.at("durability").get<std::string>();
  // Layouts of earlier versions lack these.
  cluster.users = document.value("users", std::string());
  cluster.allow_fault_injection = document.value("allow_fault_injection", false);
  cluster.removed = document.value("removed", std::vector<std::string>{});
  for (const auto& p : document.at("processes")) {
    cluster.processes.push_back({p.at("role").get<std::string>(), p.at("id").get<std::string>(),
                                 p.at("zone").get<std::string>(), p.at("weight").get<double>(),
                                 p.at("native").get<std::string>(), p.at("http").get<std::string>(),
                                 p.value("resp", std::string())});
  }
  return cluster;
}

Result<void> check_range(const char* flag, std::uint32_t value, std::uint32_t low, std::uint32_t high) {
  if (value >= low && value <= high) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("{} {} is out of range: use {} to {}", flag, value, low, high));
}

// By a name that holds wherever a process is started.
std::optional<std::string> users_file(const LayoutOptions& options) {
  if (!options.users) return std::nullopt;
  return fs::weakly_canonical(*options.users).string();
}

}  // namespace

std::vector<std::string> LocalCluster::seeds() const {
  std::vector<std::string> addresses;
  for (const auto& process : processes) {
    if (process.role == "node") addresses.push_back(process.native);
  }
  return addresses;
}

std::size_t LocalCluster::node_count() const {
  return static_cast<std::size_t>(std::ranges::count(processes, "node", &LocalProcess::role));
}

std::size_t LocalCluster::router_count() const {
  return static_cast<std::size_t>(std::ranges::count(processes, "router", &LocalProcess::role));
}

LocalProcess* LocalCluster::find_or_null(std::string_view id) {
  const auto found = std::ranges::find(processes, id, &LocalProcess::id);
  return found == processes.end() ? nullptr : &*found;
}

const LocalProcess* LocalCluster::find_or_null(std::string_view id) const {
  const auto found = std::ranges::find(processes, id, &LocalProcess::id);
  return found == processes.end() ? nullptr : &*found;
}

Result<const LocalProcess*> LocalCluster::find(std::string_view id) const {
  if (const LocalProcess* found = find_or_null(id)) return found;
  std::vector<std::string> ids;
  for (const auto& process : processes) ids.push_back(process.id);
  const std::string suggestion = nearest(id, ids);
  return fail(ErrorCode::invalid_argument,
              fmt::format("there is no process '{}' in this cluster: {}", id,
                          suggestion.empty() ? fmt::format("it has {}", fmt::join(ids, ", "))
                                             : fmt::format("did you mean '{}'?", suggestion)));
}

LocalProcess LocalCluster::next_node(std::string zone, double weight) const {
  const auto taken = [this](const std::string& id) {
    return find_or_null(id) != nullptr || std::ranges::find(removed, id) != removed.end();
  };
  std::uint32_t number = 1;
  while (taken(fmt::format("n{}", number))) ++number;
  const std::uint32_t port = base_port + kPortsPerProcess * number;
  return {.role = "node",
          .id = fmt::format("n{}", number),
          .zone = std::move(zone),
          .weight = weight,
          .native = fmt::format("127.0.0.1:{}", port),
          .http = fmt::format("127.0.0.1:{}", port + 1),
          .resp = fmt::format("127.0.0.1:{}", port + 2)};
}

Result<LocalCluster> lay_out_local_cluster(const fs::path& dir, const LayoutOptions& options) {
  LocalCluster cluster;
  cluster.dir = dir;
  const std::uint32_t nodes = options.nodes.value_or(kNodesDefault);
  cluster.partitions = options.partitions.value_or(limits::kPartitionsDefault);
  cluster.replication_factor = options.replication_factor.value_or(std::min(3U, options.nodes.value_or(3)));
  const std::uint32_t base_port = options.base_port.value_or(kDefaultBasePort);
  cluster.durability = options.durability.value_or("everysec");
  cluster.users = users_file(options).value_or("");
  cluster.allow_fault_injection = options.allow_fault_injection;

  const std::uint32_t routers = options.routers.value_or(kRoutersDefault);

  GYRE_TRY(check_range("--nodes", nodes, 1, kLocalNodesMax));
  GYRE_TRY(check_range("--routers", routers, 0, kLocalRoutersMax));
  GYRE_TRY(check_range("--rf", cluster.replication_factor, 1, limits::kReplicationFactorMax));
  GYRE_TRY(check_range("--base-port", base_port, 1024, 65535 - kPortsPerProcess * (kLocalNodesMax + 1)));
  if (!ring::Partitioning::valid(cluster.partitions)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--partitions {} is not a power of two from 1 to {}", cluster.partitions, limits::kSlots));
  }
  cluster.base_port = static_cast<std::uint16_t>(base_port);
  cluster.processes.push_back({.role = "coordinator",
                               .id = "c1",
                               .zone = {},
                               .native = fmt::format("127.0.0.1:{}", base_port),
                               .http = fmt::format("127.0.0.1:{}", base_port + 1)});
  for (std::uint32_t i = 0; i < nodes; ++i) {
    cluster.processes.push_back(
        cluster.next_node(options.zones.empty() ? "" : options.zones[i % options.zones.size()], 1.0));
  }
  for (std::uint32_t i = 0; i < routers; ++i) {
    const std::uint32_t port = base_port + 2 + kPortsPerRouter * i;
    cluster.processes.push_back({.role = "router",
                                 .id = fmt::format("r{}", i + 1),
                                 .zone = {},
                                 .native = fmt::format("127.0.0.1:{}", port + 2),
                                 .http = fmt::format("127.0.0.1:{}", port + 1),
                                 .resp = fmt::format("127.0.0.1:{}", port)});
  }
  return cluster;
}

Result<void> check_layout(const LocalCluster& cluster, const LayoutOptions& options) {
  std::string wrong;
  const auto compare = [&](const char* flag, const auto& asked, const auto& is) {
    if (asked && *asked != is && wrong.empty()) wrong = fmt::format("{} {}, not {}", flag, is, *asked);
  };
  compare("--nodes", options.nodes, cluster.node_count());
  compare("--rf", options.replication_factor, cluster.replication_factor);
  compare("--partitions", options.partitions, cluster.partitions);
  compare("--base-port", options.base_port, cluster.base_port);
  compare("--durability", options.durability, cluster.durability);
  compare("--users", users_file(options), cluster.users.empty() ? "none" : cluster.users);
  std::size_t node = 0;
  for (const auto& process : cluster.processes) {
    if (process.role != "node" || options.zones.empty()) continue;
    const std::optional<std::string> asked = options.zones[node++ % options.zones.size()];
    compare("--zones with", asked, process.zone.empty() ? "none" : process.zone);
  }
  if (wrong.empty()) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("the cluster in {} was made with {}: leave the flag away to bring it back, choose another "
                          "--dir, or delete it with `gyre cluster down --wipe`",
                          cluster.dir.string(), wrong));
}

Result<LocalCluster> load_local_cluster(const fs::path& dir) {
  const fs::path path = dir / "cluster.json";
  std::error_code error;
  if (!fs::is_directory(dir, error)) {
    return fail(ErrorCode::unavailable, fmt::format("there is no local cluster in {}: the directory does not exist; "
                                                    "start one with `gyre cluster up --dir {}`",
                                                    dir.string(), dir.string()));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return fail(ErrorCode::unavailable, fmt::format("there is no local cluster in {} (it has no cluster.json); "
                                                    "start one with `gyre cluster up --dir {}`",
                                                    dir.string(), dir.string()));
  }
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  try {
    const nlohmann::json document = nlohmann::json::parse(text);
    if (document.at("format").get<int>() > kFormat) {
      return fail(ErrorCode::unsupported,
                  fmt::format("{} was written by a newer version of gyre: use that version", path.string()));
    }
    LocalCluster cluster = from_json(document);
    cluster.dir = dir;
    return cluster;
  } catch (const nlohmann::json::exception& problem) {
    return fail(ErrorCode::corrupt,
                fmt::format("{} is not the layout of a local cluster ({}): restore it, or delete the directory",
                            path.string(), problem.what()));
  }
}

Result<void> save_local_cluster(const LocalCluster& cluster) {
  return replace_file(cluster.dir / "cluster.json", cluster_json(cluster).dump(2) + "\n");
}

Result<void> wipe_local_cluster(const LocalCluster& cluster) {
  std::error_code error;
  std::vector<std::string> ids = cluster.removed;
  for (const auto& process : cluster.processes) ids.push_back(process.id);
  for (const auto& id : ids) {
    fs::remove_all(cluster.dir / id, error);
    if (error) {
      return fail(ErrorCode::storage_failed,
                  fmt::format("cannot delete {}: {}", (cluster.dir / id).string(), error.message()));
    }
  }
  remove_saved_ledgers(cluster.dir);
  fs::remove(cluster.dir / "lock", error);
  fs::remove(cluster.dir / "cluster.json", error);
  fs::remove(cluster.dir, error);
  if (error) {
    return fail(ErrorCode::storage_failed,
                fmt::format("the cluster's data is deleted, but {} stays: {}", cluster.dir.string(), error.message()));
  }
  return {};
}

fs::path default_cluster_dir() {
  std::ifstream in(last_file());
  std::string dir;
  if (std::getline(in, dir) && has_cluster(dir)) return dir;
  return data_home() / "local";
}

Result<void> remember_as_last(const fs::path& dir) { return replace_file(last_file(), dir.string() + "\n"); }

}  // namespace gyre::cli
