#include "resp/own_commands.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/assert.h"
#include "net/faults.h"
#include "redis/numbers.h"
#include "resp/client_commands.h"
#include "resp/cluster.h"
#include "resp/hello.h"
#include "resp/info.h"
#include "resp/levels.h"

namespace gyre::resp {

using redis::Arguments;
using redis::Reply;
using redis::says;

namespace {

Reply ping(const Context&, const Arguments& arguments) {
  if (arguments.size() > 2) return Reply::error("ERR wrong number of arguments for 'ping' command");
  return arguments.size() == 2 ? Reply::bulk(arguments.bytes(1)) : Reply::simple("PONG");
}

Reply echo(const Context&, const Arguments& arguments) { return Reply::bulk(arguments.bytes(1)); }

Reply quit(const Context& context, const Arguments&) {
  context.client.leaves = true;
  return Reply::ok();
}

Reply reset(const Context& context, const Arguments&) {
  Client fresh;
  fresh.id = context.client.id;
  fresh.peer = context.client.peer;
  fresh.address = context.client.address;
  fresh.affinity = context.client.affinity;
  fresh.local = context.client.local;
  fresh.since = context.client.since;
  fresh.library = context.client.library;
  fresh.library_version = context.client.library_version;
  become(fresh, context.server, {.user = context.server.users.unnamed()});
  context.client = std::move(fresh);
  return Reply::simple("RESET");
}

Reply select(const Context& context, const Arguments& arguments) {
  const auto database = redis::number_of<std::int32_t>(arguments[1]);
  if (!database) return Reply::error(redis::words::kNoInteger);
  if (*database == 0) return Reply::ok();
  return Reply::error(context.server.clustered ? "ERR SELECT is not allowed in cluster mode"
                                               : "ERR DB index is out of range");
}

constexpr std::string_view kNoCluster = "ERR This instance has cluster support disabled";

Reply set_readonly(const Context& context, const Arguments&) {
  if (!context.server.clustered) return Reply::error(kNoCluster);
  context.client.readonly = true;
  return Reply::ok();
}

Reply set_readwrite(const Context& context, const Arguments&) {
  if (!context.server.clustered) return Reply::error(kNoCluster);
  context.client.readonly = false;
  return Reply::ok();
}

// No slot is ever half here: a partition moves at once, so there is nothing to ask for.
Reply asking(const Context& context, const Arguments&) {
  return context.server.clustered ? Reply::ok() : Reply::error(kNoCluster);
}

Reply time_now(const Context&, const Arguments&) {
  const std::int64_t ms = net::wall_now().value;
  return Reply::array({Reply::bulk(Bytes::copy_of(fmt::to_string(ms / 1000))),
                       Reply::bulk(Bytes::copy_of(fmt::to_string(ms % 1000 * 1000)))});
}

// --- CLUSTER ---

Reply with_map(const Context& context, Reply (*tell)(const ring::ClusterMap&, const NodeId&)) {
  if (!context.server.clustered) return Reply::error(kNoCluster);
  const ring::ClusterMapPtr& map = context.backend.map();
  return map == nullptr ? Reply::error("LOADING this node has no cluster map yet") : tell(*map, context.server.self);
}

Reply cluster_info(const Context& context, const Arguments&) { return with_map(context, tell_cluster_info); }
Reply cluster_myid(const Context& context, const Arguments&) { return with_map(context, tell_cluster_myid); }
Reply cluster_nodes(const Context& context, const Arguments&) { return with_map(context, tell_cluster_nodes); }
Reply cluster_shards(const Context& context, const Arguments&) { return with_map(context, tell_cluster_shards); }
Reply cluster_slots(const Context& context, const Arguments&) { return with_map(context, tell_cluster_slots); }
Reply cluster_keyslot(const Context& context, const Arguments& arguments) {
  if (!context.server.clustered) return Reply::error(kNoCluster);
  return Reply::integer(ring::slot_of(arguments[2]).value());
}

// There is no bus that links would be on.
Reply cluster_links(const Context& context, const Arguments&) {
  return context.server.clustered ? Reply::array({}) : Reply::error(kNoCluster);
}

// --- SLOWLOG and LATENCY ---

Reply slowlog_get(const Context& context, const Arguments& arguments) {
  constexpr std::int32_t kEntriesUnlessTold = 10;
  const auto count = arguments.size() == 2 ? kEntriesUnlessTold : redis::number_of<std::int32_t>(arguments[2]);
  if (arguments.size() > 3 || !count || *count < -1) {
    return Reply::error("ERR count should be greater than or equal to -1");
  }
  return context.server.slow.tell(*count < 0 ? SlowLog::kEntriesMax : static_cast<std::size_t>(*count));
}

Reply slowlog_len(const Context& context, const Arguments&) {
  return Reply::integer(static_cast<std::int64_t>(context.server.slow.size()));
}

Reply slowlog_reset(const Context& context, const Arguments&) {
  context.server.slow.clear();
  return Reply::ok();
}

// Spikes are not collected, as in a Redis whose latency-monitor-threshold is 0.
Reply latency_nothing(const Context&, const Arguments&) { return Reply::array({}); }
Reply latency_reset(const Context&, const Arguments&) { return Reply::integer(0); }
Reply latency_doctor(const Context&, const Arguments&) {
  return Reply::bulk(
      Bytes::literal("Latency spikes are not collected here. Look at SLOWLOG GET, at the histograms of /metrics on the "
                     "admin port, and "
                     "at /stats of a router.\n"));
}

// --- DEBUG ---

// As in Redis, nobody whom this loop serves is served meanwhile.
Reply debug(const Context& context, const Arguments& arguments) {
  if (!context.server.may_be_broken) {
    return Reply::error(
        "ERR DEBUG command not allowed: it breaks things on purpose, and is for nodes that were started "
        "with --allow-fault-injection");
  }
  if (!says(arguments[1], "sleep") || arguments.size() != 3) {
    return Reply::error("ERR DEBUG knows one subcommand here: DEBUG SLEEP SECONDS");
  }
  const auto seconds = redis::parse_float(arguments[2]);
  if (!seconds || *seconds < 0 || *seconds > to_seconds(net::kFaultDelayMax)) {
    return Reply::error_text(
        fmt::format("ERR DEBUG SLEEP takes seconds, from 0 to {}", to_seconds(net::kFaultDelayMax)));
  }
  net::stall(std::chrono::duration_cast<Duration>(std::chrono::duration<long double>(*seconds)));
  return Reply::ok();
}

// --- Gyre's own ---

Reply set_read_level(const Context& context, const Arguments& arguments) {
  if (arguments.size() > 3) return Reply::error(redis::words::kSyntax);
  const auto read = parse_read(arguments[1], arguments.size() == 3 ? arguments[2] : std::string_view());
  if (!read) return Reply::error_text(fmt::format("ERR GYRE.READ takes {}", kReadLevels));
  set_read(context.client, *read);
  return Reply::ok();
}

// What the connection has written and seen, as text; or takes over what another has.
Reply session_token(const Context& context, const Arguments& arguments) {
  const ring::ClusterMapPtr& map = context.backend.map();
  if (map == nullptr) return Reply::error("LOADING there is no cluster map yet");
  if (!context.client.seen) return Reply::error("ERR this connection keeps no session: GYRE.READ session begins one");
  if (arguments.size() > 2) return Reply::error(redis::words::kSyntax);
  if (arguments.size() == 1) return Reply::bulk(Bytes::copy_of(context.client.seen->token(map->cluster)));
  const auto resumed = context.client.seen->resume(map->cluster, map->shape.partitions, arguments[1]);
  return resumed ? Reply::ok() : Reply::error_text("ERR " + resumed.error().message);
}

Reply set_ack(const Context& context, const Arguments& arguments) {
  const auto ack = parse_ack(arguments[1]);
  if (!ack) return Reply::error_text(fmt::format("ERR GYRE.ACK takes {}", kAckCounts));
  context.client.ack = *ack;
  return Reply::ok();
}

using Handler = Reply (*)(const Context&, const Arguments&);
constexpr std::array kHandlers = std::to_array<std::pair<std::string_view, Handler>>({
    {"asking", asking},
    {"auth", authenticate},
    {"client|getname", client_getname},
    {"client|id", client_id},
    {"client|info", client_info},
    {"client|kill", client_kill},
    {"client|list", client_list},
    {"client|no-evict", client_no_evict},
    {"client|reply", client_reply},
    {"client|setinfo", client_setinfo},
    {"client|setname", client_setname},
    {"cluster|info", cluster_info},
    {"cluster|keyslot", cluster_keyslot},
    {"cluster|links", cluster_links},
    {"cluster|myid", cluster_myid},
    {"cluster|nodes", cluster_nodes},
    {"cluster|shards", cluster_shards},
    {"cluster|slots", cluster_slots},
    {"config|get", config_get},
    {"debug", debug},
    {"echo", echo},
    {"gyre.ack", set_ack},
    {"gyre.read", set_read_level},
    {"gyre.session", session_token},
    {"hello", hello},
    {"info", info},
    {"latency|doctor", latency_doctor},
    {"latency|history", latency_nothing},
    {"latency|latest", latency_nothing},
    {"latency|reset", latency_reset},
    {"ping", ping},
    {"quit", quit},
    {"readonly", set_readonly},
    {"readwrite", set_readwrite},
    {"reset", reset},
    {"select", select},
    {"slowlog|get", slowlog_get},
    {"slowlog|len", slowlog_len},
    {"slowlog|reset", slowlog_reset},
    {"time", time_now},
});
static_assert(std::ranges::is_sorted(kHandlers, {}, &std::pair<std::string_view, Handler>::first));

}  // namespace

Reply run_own_command(const Context& context, const redis::Command& command, const Arguments& arguments) {
  const auto* const found =
      std::ranges::lower_bound(kHandlers, command.name, {}, &std::pair<std::string_view, Handler>::first);
  GYRE_ASSERT(found != kHandlers.end() && found->first == command.name);
  return found->second(context, arguments);
}

}  // namespace gyre::resp
