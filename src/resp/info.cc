#include "resp/info.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>

#include "net/address.h"
#include "resp/hello.h"

namespace gyre::resp {

using redis::Arguments;
using redis::Reply;
using redis::says;

namespace {

std::int64_t seconds_since(Instant then) {
  return std::chrono::duration_cast<std::chrono::seconds>(net::steady_now() - then).count();
}

std::string server_section(const Context& context) {
  const auto at = net::parse_host_port(context.server.address);
  const std::int64_t up = seconds_since(context.server.started);
  return fmt::format(
      "# Server\r\nredis_version:{}\r\nredis_mode:{}\r\nos:Linux\r\narch_bits:64\r\nprocess_id:{}\r\n"
      "tcp_port:{}\r\nuptime_in_seconds:{}\r\nuptime_in_days:{}\r\nserver_name:gyre\r\ngyre_node:{}\r\n",
      kRedisVersion, context.server.clustered ? "cluster" : "standalone", getpid(), at ? at->port : 0, up, up / 86400,
      context.server.self.str());
}

std::string clients_section(const Context& context) {
  return fmt::format("# Clients\r\nconnected_clients:{}\r\nmaxclients:{}\r\nblocked_clients:0\r\n",
                     context.server.clients.load(), limits::kConnectionsMax);
}

std::string memory_section(const Context&) {
  std::size_t size = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  const std::size_t bytes = resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return fmt::format(
      "# Memory\r\nused_memory:{0}\r\nused_memory_rss:{0}\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n", bytes);
}

// Clients wait while it says that it loads.
std::string persistence_section(const Context& context) {
  return fmt::format("# Persistence\r\nloading:{}\r\naof_enabled:1\r\n", context.backend.map() == nullptr ? 1 : 0);
}

std::string stats_section(const Context& context) {
  return fmt::format("# Stats\r\ntotal_connections_received:{}\r\ntotal_commands_processed:{}\r\n",
                     context.server.connections.load(), context.server.commands.load());
}

// Partitions are replicated, not nodes: each is the primary of some and a member of others.
std::string replication_section(const Context&) { return "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"; }

std::string cluster_section(const Context& context) {
  return fmt::format("# Cluster\r\ncluster_enabled:{}\r\n", context.server.clustered ? 1 : 0);
}

// Keys are not counted.
std::string keyspace_section(const Context&) { return "# Keyspace\r\n"; }

using Section = std::pair<std::string_view, std::string (*)(const Context&)>;
constexpr auto kSections = std::to_array<Section>({{"server", server_section},
                                                   {"clients", clients_section},
                                                   {"memory", memory_section},
                                                   {"persistence", persistence_section},
                                                   {"stats", stats_section},
                                                   {"replication", replication_section},
                                                   {"cluster", cluster_section},
                                                   {"keyspace", keyspace_section}});

}  // namespace

Reply info(const Context& context, const Arguments& arguments) {
  const auto wanted = [&](std::string_view section) {
    if (arguments.size() == 1) return true;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      for (const std::string_view word :
           {section, std::string_view("all"), std::string_view("default"), std::string_view("everything")}) {
        if (says(arguments[i], word)) return true;
      }
    }
    return false;
  };
  std::string text;
  for (const auto& [name, tell] : kSections) {
    if (!wanted(name)) continue;
    if (!text.empty()) text += "\r\n";
    text += tell(context);
  }
  return Reply::bulk(Bytes::copy_of(text));
}

Reply config_get(const Context& context, const Arguments& arguments) {
  const std::array<std::pair<std::string_view, std::string>, 9> parameters = {{
      {"appendfsync", context.server.appendfsync},
      {"appendonly", "yes"},
      {"databases", "1"},
      {"latency-monitor-threshold", "0"},
      {"maxmemory", "0"},
      {"proto-max-bulk-len", fmt::to_string(context.server.value_bytes_max)},
      {"save", ""},
      {"slowlog-log-slower-than", fmt::to_string(SlowLog::kSlow / std::chrono::microseconds(1))},
      {"slowlog-max-len", fmt::to_string(SlowLog::kEntriesMax)},
  }};
  std::vector<Reply> items;
  for (const auto& [name, value] : parameters) {
    bool wanted = false;
    for (std::size_t i = 2; i < arguments.size(); ++i) wanted |= arguments[i] == "*" || says(arguments[i], name);
    const bool unknown = name == "appendfsync" && value.empty();
    if (!wanted || unknown) continue;
    items.push_back(Reply::bulk(Bytes::literal(name)));
    items.push_back(Reply::bulk(Bytes::copy_of(value)));
  }
  return Reply::map(std::move(items));
}

}  // namespace gyre::resp
