// `gyre router`: what routers do with the members behind them, and what operators set of that.
#include <algorithm>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "observe/admin_client.h"
#include "tools/gyre/cluster_up.h"
#include "tools/gyre/local_cluster.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

struct RouterOptions {
  std::vector<std::string> routers;  // HOST:PORT of their admin servers
  std::string node;
  std::optional<double> weight;
  bool drain = false;
  bool undrain = false;
};

// Those that were named, or all of the local cluster.
Result<std::vector<std::string>> find_routers(const Context& context, const RouterOptions& options) {
  if (!options.routers.empty()) return options.routers;
  GYRE_TRY_SET(const LocalCluster cluster, load_local_cluster(cluster_dir(context)));
  std::vector<std::string> found;
  for (const LocalProcess& process : cluster.processes) {
    if (process.role == "router") found.push_back(process.http);
  }
  if (!found.empty()) return found;
  return fail(ErrorCode::invalid_argument,
              "this cluster has no router: `gyre cluster up --routers 1` adds one, or name one by --router HOST:PORT, "
              "the address of its admin server");
}

bool has_numbers(const Json& json, std::initializer_list<const char*> names) {
  return json.is_object() &&
         std::ranges::all_of(names, [&](const char* name) { return json.contains(name) && json[name].is_number(); });
}

bool has_texts(const Json& json, std::initializer_list<const char*> names) {
  return json.is_object() &&
         std::ranges::all_of(names, [&](const char* name) { return json.contains(name) && json[name].is_string(); });
}

// It has what print_stats() shows: another process may listen there.
bool fits(const Json& stats) {
  return has_numbers(stats, {"clients", "commands"}) && has_texts(stats, {"id", "resp", "read", "policy", "ack"}) &&
         stats.contains("cache") && stats.contains("rate") && stats.contains("members") &&
         has_numbers(stats["cache"], {"ttl_ms", "bytes", "bytes_max", "hits", "misses", "evicted"}) &&
         has_numbers(stats["rate"], {"per_address", "all", "refused_by_address", "refused_by_all"}) &&
         stats["members"].is_array() && std::ranges::all_of(stats["members"], [](const Json& member) {
           return has_texts(member, {"id", "state"}) && member.contains("read_us") &&
                  has_numbers(member, {"weight", "requests", "open", "hedges", "errors"}) &&
                  has_numbers(member["read_us"], {"p50", "p95", "p99"});
         });
}

Result<Json> parse_stats(const std::string& address, const std::string& text) {
  Json stats = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (fits(stats)) return stats;
  return fail(ErrorCode::unavailable, fmt::format("the process at {} does not answer as a router does", address));
}

std::string time_text(const Json& micros) {
  const double us = micros.get<double>();
  return us >= 1000 ? fmt::format("{:.1f} ms", us / 1000) : fmt::format("{:.0f} us", us);
}

void print_stats(const Json& stats) {
  const Json& cache = stats["cache"];
  const Json& rate = stats["rate"];
  fmt::print("{} at {}: {} clients, {} commands; reads {} by {}; writes acknowledged by {}\n",
             stats["id"].get<std::string>(), stats["resp"].get<std::string>(), stats["clients"].get<std::uint64_t>(),
             with_commas(stats["commands"].get<std::uint64_t>()), stats["read"].get<std::string>(),
             stats["policy"].get<std::string>(), stats["ack"].get<std::string>());
  if (cache["ttl_ms"] != 0) {
    fmt::print("cache: {} of {}, {} hits, {} misses, {} evicted\n", bytes_text(cache["bytes"]),
               bytes_text(cache["bytes_max"]), with_commas(cache["hits"]), with_commas(cache["misses"]),
               with_commas(cache["evicted"]));
  }
  if (rate["per_address"] != 0 || rate["all"] != 0) {
    fmt::print("refused by rate limits: {} of one address, {} of all together\n",
               with_commas(rate["refused_by_address"]), with_commas(rate["refused_by_all"]));
  }
  fmt::print("  {:<10} {:<9} {:>6} {:>12} {:>6} {:>8} {:>8} {:>9} {:>9} {:>9}\n", "MEMBER", "STATE", "WEIGHT",
             "REQUESTS", "OPEN", "HEDGES", "ERRORS", "P50", "P95", "P99");
  for (const Json& member : stats["members"]) {
    const Json& read = member["read_us"];
    fmt::print("  {:<10} {:<9} {:>6} {:>12} {:>6} {:>8} {:>8} {:>9} {:>9} {:>9}\n", member["id"].get<std::string>(),
               member["state"].get<std::string>(), member["weight"].get<double>(), with_commas(member["requests"]),
               member["open"].get<std::int64_t>(), with_commas(member["hedges"]), with_commas(member["errors"]),
               time_text(read["p50"]), time_text(read["p95"]), time_text(read["p99"]));
  }
}

Result<void> show(const Context& context, const RouterOptions& options) {
  GYRE_TRY_SET(const auto routers, find_routers(context, options));
  Json all = Json::array();
  Result<void> outcome;  // the first that is silent does not hide the others
  for (const std::string& address : routers) {
    const auto text = observe::admin_get(address, "/stats.json");
    auto stats = text ? parse_stats(address, *text) : Result<Json>(fail(text.error()));
    if (!stats) {
      if (outcome) outcome = fail(stats.error());
      continue;
    }
    if (!context.json) print_stats(*stats);
    all.push_back(*std::move(stats));
  }
  if (context.json && !all.empty()) print_json({{"routers", std::move(all)}});
  return outcome;
}

Result<double> wanted_weight(const RouterOptions& options) {
  if ((options.weight ? 1 : 0) + (options.drain ? 1 : 0) + (options.undrain ? 1 : 0) != 1) {
    return fail(ErrorCode::invalid_argument, "say what to set: --weight W, --drain or --undrain");
  }
  if (options.drain) return 0.0;
  return options.undrain ? 1.0 : *options.weight;
}

Result<void> set(const Context& context, const RouterOptions& options) {
  GYRE_TRY_SET(const double weight, wanted_weight(options));
  GYRE_TRY(NodeId::parse(options.node));
  GYRE_TRY_SET(const auto routers, find_routers(context, options));
  const std::string body = Json{{"weight", weight}}.dump();
  for (std::size_t i = 0; i < routers.size(); ++i) {
    const auto done = observe::admin_post(routers[i], "/members/" + options.node, body);
    if (done) continue;
    Error why = done.error();
    if (i > 0) why.message += fmt::format(" ({} of {} routers have it set)", i, routers.size());
    return fail(std::move(why));
  }
  const std::string what =
      weight == 0 ? "no reads while other members can serve them" : fmt::format("reads with weight {}", weight);
  if (context.json) {
    print_json({{"node", options.node}, {"weight", weight}, {"routers", routers}});
  } else {
    print_line(fmt::format("{} gets {} from {}.", options.node, what, counted(routers.size(), "router", "routers")));
  }
  return {};
}

std::shared_ptr<RouterOptions> add_common(CLI::App* command) {
  auto options = std::make_shared<RouterOptions>();
  command->add_option("--router", options->routers, "Admin address of a router; else all of the local cluster")
      ->type_name("HOST:PORT");
  return options;
}

}  // namespace

void add_router_commands(CLI::App& app, Context& context) {
  auto* router = app.add_subcommand("router", "See and steer how routers spread reads over members");
  router->require_subcommand(1);

  auto* status = router->add_subcommand("status", "Show each member's requests, errors, latencies and breakers");
  const auto shown = add_common(status);
  status->footer(R"(
The same, live, is the page /stats of a router's admin port.
STATE is `down` while a circuit breaker is open, `drained` at weight 0. Latencies are of reads, since the start.)");
  on_chosen(status, context, [&context, shown] { return show(context, *shown); });

  auto* change = router->add_subcommand("set", "Change how much of the reads a member gets, at once");
  const auto options = add_common(change);
  change->add_option("node", options->node, "The member, such as n2")->required();
  change->add_option("--weight", options->weight, "How much beside members of weight 1")
      ->check(CLI::Range(0.0, 1000.0));
  change->add_flag("--drain", options->drain, "No reads while other members can serve them: weight 0");
  change->add_flag("--undrain", options->undrain, "As others again: weight 1");
  change->footer(R"(
Concerns reads that several members may serve; writes, and reads of level primary or linearizable, go to primaries
whatever is set here (`gyre node drain` moves those away). Under the policy round-robin a weight matters only where it
is 0. Kept until the router ends.

Examples:
  gyre router set n2 --drain           before work on n2
  gyre router set n3 --weight 0.5      half as many reads for a weaker machine)");
  on_chosen(change, context, [&context, options] { return set(context, *options); });
}

}  // namespace gyre::cli
