#include "tools/gyred/roles.h"

#include <algorithm>
#include <bit>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/invalid.h"
#include "base/limits.h"
#include "net/address.h"
#include "ring/slot.h"
#include "routing/options.h"
#include "tools/gyred/users_file.h"

namespace gyre::daemon {

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kTiB = std::size_t{1} << 40;
constexpr std::uint32_t kLoopsMax = 256;
constexpr std::uint32_t kRateMax = 1'000'000'000;

void add_log_level(OptionSet& set, std::string& target) {
  std::vector<std::pair<std::string, std::string>> levels;
  for (const char* level : {"trace", "debug", "info", "warn", "error", "off"}) levels.emplace_back(level, level);
  set.choice("log-level", target, std::move(levels), "Least severe lines to log, on standard error");
}

constexpr const char* kAllowRemoteHelp =
    "Allow listeners that other machines can reach. There is no TLS, and only Redis\n"
    "clients can be asked who they are (--users): whoever reaches a port can read and write";
constexpr const char* kUsersHelp =
    "TOML file with the users that Redis clients may be: [NAME] with password_sha256 or\n"
    "nopass = true, and read, ack, rate. Others get NOAUTH";

Result<void> complete_users(const std::string& file, resp::Users& users) {
  if (file.empty()) return {};
  GYRE_TRY_SET(auto named, read_users_file(file));
  users = resp::Users(std::move(named));
  return {};
}

// What every role has.
template <class Options>
void add_common(OptionSet& set, Options& options) {
  set.flag("trust-refused", options.trust_refused,
           "Take a refused connection as proof that the process there is gone, also beyond\n"
           "loopback. Only where no firewall refuses connections");
  add_log_level(set, options.log_level);
  set.flag("allow-remote", options.allow_remote, kAllowRemoteHelp);
  set.flag("allow-fault-injection", options.allow_fault_injection,
           "For tests: whoever reaches a port may make this process lose and delay what it\n"
           "exchanges with others, and hold it up (DEBUG SLEEP)");
}

// No listener is reachable from elsewhere by accident.
Result<void> check_listener(const std::string& option, const std::string& address, bool allow_remote) {
  GYRE_TRY_SET(const net::HostPort at, net::parse_host_port(address));
  if (at.loopback() || allow_remote) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("--{} {} can be reached from other machines, and there is no TLS, and only Redis clients can "
                          "be asked who they are (--users): whoever reaches the port can read and write; add "
                          "--allow-remote if that is what you want",
                          option, address));
}

// In any of its spellings.
bool every_address(const std::string& host) {
  in6_addr address{};
  const bool is_ipv6 = inet_pton(AF_INET6, host.c_str(), &address) == 1;
  return host == "0" || host == "0.0.0.0" || (is_ipv6 && IN6_IS_ADDR_UNSPECIFIED(&address));
}

// Where others reach a listener: `advertised`, or else the address itself, which must then be one.
Result<void> check_advertised(const std::string& option, const std::string& address,
                              const std::string& advertise_option, const std::string& advertised) {
  GYRE_TRY_SET(const net::HostPort at, net::parse_host_port(advertised.empty() ? address : advertised));
  if (!every_address(at.host)) return {};
  if (!advertised.empty()) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("--{} {} is no address that others can reach: name one that is", advertise_option, advertised));
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("--{} {} listens at every address of this machine: name the one that others are to use with "
                          "--{} HOST:PORT",
                          option, address, advertise_option));
}

template <class Options>
Result<void> complete_addresses(Options& options) {
  GYRE_TRY(check_listener("listen", options.listen, options.allow_remote));
  GYRE_TRY(check_listener("http", options.http, options.allow_remote));
  return check_advertised("listen", options.listen, "advertise", options.advertise);
}

}  // namespace

OptionSet describe(node::NodeOptions& options) {
  using node::Durability;
  OptionSet set;
  set.label("id", options.id, false, "This node's name; stays with its data directory");
  set.text("data", "DIR", options.data_dir, "Data directory; made if missing, used by one process at a time");
  set.show_default("data", "./gyre-data/ID");
  set.address("listen", options.listen, false, "Where clients and other nodes connect");
  set.address("advertise", options.advertise, true, "Where others reach that port");
  set.show_default("advertise", "as --listen");
  set.address("http", options.http, false, "Admin HTTP: /healthz /readyz /metrics /map");
  set.address("resp", options.resp, true, "Where Redis clients connect; empty: nowhere");
  set.address("advertise-resp", options.advertise_resp, true, "Where they reach that port: what MOVED and CLUSTER say");
  set.show_default("advertise-resp", "as --resp");
  set.text("users", "FILE", options.users_file, kUsersHelp);
  set.show_default("users", "none");
  set.addresses("coordinator", options.coordinators,
                "The coordinators of the cluster to join; a node may start before them");
  set.also_called("coordinator", "join");
  set.label("zone", options.zone, true, "Rack, room or data centre; copies go to different zones");
  set.show_default("zone", "none");
  set.real("weight", options.weight, {0, limits::kWeightMax}, "Relative share of partitions");
  set.integer("loops", options.loops, {1, kLoopsMax}, "Event loops, one per core to use");
  set.integer("stores", options.stores, {0, kLoopsMax}, "RocksDB databases, fixed when the directory is made");
  set.show_default("stores", "as --loops");
  set.choice("durability", options.durability,
             {{"os", Durability::os}, {"everysec", Durability::everysec}, {"always", Durability::always}},
             "When a write counts as stored: given to the kernel (os), also synced each\n"
             "second (everysec), or synced first (always)");
  set.integer("capacity", options.capacity, {0, kRateMax},
              "Requests of clients that it serves a second; more are answered busy. 0: as many\n"
              "as it can. Divided over its loops. To see on one machine how a cluster grows:\n"
              "`gyre bench scaling`");
  set.size("cache", options.cache_bytes, {kMiB, kTiB}, "Block cache of all stores together");
  set.size("record-cache", options.record_cache_bytes, {0, kTiB},
           "Memory for single records, small ones that were read or written of late; divided\n"
           "over its loops. 0B: none");
  set.size("memtable", options.memtable_bytes, {kMiB, kTiB}, "Write buffer of each store");
  set.size("log", options.log_bytes, {kMiB, kTiB},
           "Log kept on disk by each store, for members that were away: how far back they can\n"
           "return without a full copy");
  set.size("value-max", options.value_bytes_max, {1, limits::kValueBytesHardMax}, "Largest value accepted");
  add_common(set, options);
  return set;
}

OptionSet describe(coordinator::CoordinatorOptions& options) {
  OptionSet set;
  set.label("id", options.id, false, "This process's name in logs");
  set.text("data", "DIR", options.data_dir, "Directory of the cluster store; made if missing");
  set.show_default("data", "./gyre-data/ID");
  set.address("listen", options.listen, false, "Where nodes and clients connect");
  set.address("advertise", options.advertise, true, "Where others reach that port");
  set.show_default("advertise", "as --listen");
  set.address("http", options.http, false, "Admin HTTP: /healthz /readyz /metrics /map");
  set.integer("initial-nodes", options.initial_nodes, {1, limits::kNodesMax},
              "Partitions are placed when so many nodes have joined");
  set.integer("partitions", options.shape.partitions, {1, limits::kSlots},
              "New cluster: number of partitions, a power of two, fixed for ever");
  set.integer("rf", options.shape.replication_factor, {1, limits::kReplicationFactorMax},
              "New cluster: copies of each partition");
  set.integer("vnodes", options.shape.vnodes, {1, limits::kVnodesMax},
              "New cluster: ring points of a node of weight 1");
  set.real("load-slack", options.shape.load_slack, {0, 1}, "New cluster: how far above its share a node may be loaded");
  set.integer("min-in-sync", options.min_in_sync, {0, limits::kReplicationFactorMax},
              "New cluster: members that must be in sync for a write with ack `all`");
  set.show_default("min-in-sync", "2, or 1 with --rf 1");
  set.duration("heartbeat", options.shape.timing.heartbeat, "New cluster: everybody shows itself this often");
  set.duration("detection", options.shape.timing.detection, "New cluster: silent for so long, a process is suspected");
  set.duration("lease", options.shape.timing.lease,
               "New cluster: how long a member's word to a primary holds. A frozen primary is\n"
               "replaced after detection and lease");
  set.choice("balance", options.balance_primaries, {{"on", true}, {"off", false}},
             "Whether primaries drift back to where placement wants them");
  add_common(set, options);
  return set;
}

OptionSet describe(router::RouterOptions& options) {
  using messages::ReadLevel;
  OptionSet set;
  set.label("id", options.id, false, "This process's name in logs");
  set.addresses("seeds", options.seeds,
                "Where to ask for the cluster map first: any nodes or coordinators. A name stands\n"
                "for all its addresses");
  set.address("resp", options.resp, false, "Where Redis clients connect");
  set.address("listen", options.listen, true, "Where native clients connect that reach no nodes");
  set.show_default("listen", "nowhere");
  set.address("advertise", options.advertise, true,
              "Where they reach that port, and keep to it: the balancer's where there is one");
  set.show_default("advertise", "as --listen");
  set.text("users", "FILE", options.users_file, kUsersHelp);
  set.show_default("users", "none");
  set.address("http", options.http, false, "Admin HTTP: /healthz /readyz /metrics /map");
  set.integer("loops", options.loops, {1, kLoopsMax}, "Event loops, one per core to use");
  set.integer("connections", options.connections_per_node, {1, 64}, "Connections of each loop to each node");
  set.choice("policy", options.read_policy,
             {{"latency", routing::ReadPolicy::latency},
              {"least-outstanding", routing::ReadPolicy::least_outstanding},
              {"round-robin", routing::ReadPolicy::round_robin},
              {"weighted", routing::ReadPolicy::weighted},
              {"sticky", routing::ReadPolicy::sticky}},
             "Which member takes a read, of those that may: the one that answers soonest, that\n"
             "has the fewest open, each in turn, by the weights of `gyre router set`, or always\n"
             "the same one for a client's address");
  set.label("zone", options.zone, true, "Reads go to members of this zone while there are any");
  set.integer("hedge", options.hedge_percent, {0, 100},
              "Percent of reads that may be sent to a second member, when the first is slower\n"
              "than 19 of 20 reads were; 0: none");
  set.duration("cache-ttl", options.cache_ttl,
               "Values are kept for so long, for reads that may be old: of level any, and bounded\n"
               "within the bound. 0ms: nothing is kept");
  set.size("cache-size", options.cache_bytes, {1 << 20, std::size_t{1} << 40}, "Memory for that");
  set.choice("coalesce", options.coalesce, {{"on", true}, {"off", false}},
             "Whether many reads of one key at once go out as few");
  set.integer("rate", options.rate, {0, kRateMax}, "Commands on keys a second of each client address; 0: any number");
  set.integer("rate-burst", options.rate_burst, {0, kRateMax}, "So many at once after a pause; 0: a second's worth");
  set.integer("rate-all", options.rate_all, {0, kRateMax}, "As --rate, of all clients together");
  set.integer("rate-all-burst", options.rate_all_burst, {0, kRateMax}, "As --rate-burst, of all clients together");
  set.integer("calls-max", options.calls_max, {1, routing::kCallSlotsMax},
              "Requests to nodes that wait for an answer, of each loop; beyond: BUSY");
  set.choice("read", options.read,
             {{"primary", ReadLevel::primary},
              {"linearizable", ReadLevel::linearizable},
              {"session", ReadLevel::session},
              {"bounded", ReadLevel::bounded},
              {"any", ReadLevel::any}},
             "What reads promise, until a connection says otherwise by GYRE.READ. All but the\n"
             "first two are spread over replicas");
  set.duration("read-bound", options.read_bound, "How old an answer may be with --read bounded");
  set.choice("ack", options.ack,
             {{"one", messages::kAckOne},
              {"2", 2},
              {"3", 3},
              {"4", 4},
              {"5", 5},
              {"6", 6},
              {"7", 7},
              {"all", messages::kAckAll}},
             "How many members have a write before it is answered, until a connection says\n"
             "otherwise by GYRE.ACK");
  set.duration("deadline", options.deadline, "A command that has no answer by then fails");
  set.size("value-max", options.value_bytes_max, {1, limits::kValueBytesHardMax},
           "Largest value accepted; not more than the nodes accept");
  add_log_level(set, options.log_level);
  set.flag("allow-remote", options.allow_remote, kAllowRemoteHelp);
  return set;
}

Result<void> complete(node::NodeOptions& options) {
  if (options.data_dir.empty()) options.data_dir = "./gyre-data/" + options.id;
  if (options.stores == 0) options.stores = options.loops;
  GYRE_TRY(complete_users(options.users_file, options.users));
  if (!options.resp.empty()) {
    GYRE_TRY(check_listener("resp", options.resp, options.allow_remote));
    GYRE_TRY(check_advertised("resp", options.resp, "advertise-resp", options.advertise_resp));
  } else if (!options.advertise_resp.empty()) {
    return invalid("--advertise-resp says where --resp is reached, and there is none: give both or neither");
  }
  return complete_addresses(options);
}

Result<void> complete(coordinator::CoordinatorOptions& options) {
  if (options.data_dir.empty()) options.data_dir = "./gyre-data/" + options.id;
  if (const std::uint32_t given = options.shape.partitions; !ring::Partitioning::valid(given)) {
    const bool up = std::bit_ceil(given) - given <= given - std::bit_floor(given);
    return fail(ErrorCode::invalid_argument, fmt::format("--partitions {} is no power of two: the nearest is {}", given,
                                                         up ? std::bit_ceil(given) : std::bit_floor(given)));
  }
  ring::ClusterShape& shape = options.shape;
  shape.min_in_sync = options.min_in_sync == 0 ? std::min(2U, shape.replication_factor) : options.min_in_sync;
  if (shape.min_in_sync > shape.replication_factor) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--min-in-sync {} is more than --rf {}: no write could reach so many members",
                            shape.min_in_sync, shape.replication_factor));
  }
  GYRE_TRY(check(shape.timing));
  return complete_addresses(options);
}

Result<void> complete(router::RouterOptions& options) {
  GYRE_TRY(complete_users(options.users_file, options.users));
  GYRE_TRY(check_listener("resp", options.resp, options.allow_remote));
  GYRE_TRY(check_listener("http", options.http, options.allow_remote));
  if (!options.listen.empty()) {
    GYRE_TRY(check_listener("listen", options.listen, options.allow_remote));
    GYRE_TRY(check_advertised("listen", options.listen, "advertise", options.advertise));
  }
  if (options.read == messages::ReadLevel::bounded && options.read_bound <= Duration(0)) {
    return invalid("--read-bound 0ms is a bound that no answer keeps; --read primary gives the newest");
  }
  if (options.deadline <= Duration(0)) return invalid("--deadline 0ms leaves no time for any answer");
  return {};
}

}  // namespace gyre::daemon
