#include "router/router.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/log.h"
#include "base/metrics.h"
#include "net/listener.h"
#include "net/stop_signal.h"
#include "observe/admin_server.h"
#include "observe/process_metrics.h"
#include "router/router_loop.h"
#include "router/stats.h"

namespace gyre::router {

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUnavailable = 3;
// A clean stop waits so long for open commands.
constexpr auto kDrainLimit = std::chrono::seconds(5);
// So often a loop that knows no map looks for one.
constexpr auto kMapLook = std::chrono::seconds(1);

// A partition that is being given another primary does not make it less so.
bool is_placed(const ring::ClusterMap& map) {
  return std::ranges::any_of(map.entries, [](const auto& entry) { return !entry.primary.empty(); });
}

// Wires everything a router consists of; the only place that knows all parts.
class Router {
 public:
  explicit Router(const RouterOptions& options) : options_(options) {}

  Result<void> start();
  void shut_down();

 private:
  void create_loops();
  net::CallerOptions caller_options();
  Result<void> listen();
  void add_read_metrics();
  Result<void> start_admin();
  void on_map(const ring::ClusterMapPtr& map);
  void on_lost(const routing::Lost& lost);
  std::string stats();
  Result<std::string> set_member(const std::string& name, const std::string& body);
  void look_for_map(RouterLoop& each);
  ring::ClusterMapPtr map() const;
  Result<void> ready() const;
  void await_end(RouterLoop& each, Instant give_up, const std::shared_ptr<std::promise<void>>& done);

  const RouterOptions& options_;
  MetricsRegistry metrics_;
  Counter& lost_writes_ =
      metrics_.counter("gyre_router_lost_writes_total", "Writes acknowledged through this router that a failover lost");
  resp::Server server_;  // outlives the sessions, which the loops have
  ReadCache cache_{{.ttl = options_.cache_ttl, .bytes_max = options_.cache_bytes}};
  std::vector<std::unique_ptr<RouterLoop>> loops_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<net::Listener> native_listener_;  // null: native clients have no port
  std::unique_ptr<observe::AdminServer> admin_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;  // guards what follows: what the admin pages show and change
  ring::ClusterMapPtr map_;
  std::map<NodeId, double> weights_;
};

Result<void> Router::start() {
  server_.self = NodeId(options_.id);
  server_.clustered = false;
  server_.value_bytes_max = options_.value_bytes_max;
  server_.read = {.level = options_.read, .bound = options_.read_bound, .seen = {}};
  server_.ack = options_.ack;
  server_.deadline = options_.deadline;
  server_.rates.set(
      {.per_second = static_cast<double>(options_.rate), .burst = static_cast<double>(options_.rate_burst)},
      {.per_second = static_cast<double>(options_.rate_all), .burst = static_cast<double>(options_.rate_all_burst)});
  server_.users = options_.users;
  server_.started = net::steady_now();
  create_loops();
  GYRE_TRY(listen());
  GYRE_TRY(start_admin());
  spdlog::info("ready: resp={} native={} http={} seeds={}", listener_->address(),
               native_listener_ ? native_listener_->address() : "none", admin_->address(),
               fmt::join(options_.seeds, ","));
  for (auto& each : loops_) {
    each->loop.post([this, loop = each.get()] { look_for_map(*loop); });
    each->loop.start();
  }
  return {};
}

void Router::create_loops() {
  Counter& malformed = metrics_.counter("gyre_frames_malformed_total",
                                        "Connections closed because of bytes that are no frame, or beyond a limit");
  // Where reads stick to members, one caller's answer is not another's.
  const bool coalesces = options_.coalesce && options_.read_policy != routing::ReadPolicy::sticky;
  for (std::uint32_t i = 0; i < options_.loops; ++i) {
    loops_.push_back(std::make_unique<RouterLoop>(fmt::format("loop-{}", i), caller_options(), cache_, coalesces,
                                                  server_, malformed));
  }
}

net::CallerOptions Router::caller_options() {
  return {.dispatcher = {.seeds = options_.seeds,
                         .connections_per_node = options_.connections_per_node,
                         .calls_in_flight_max = options_.calls_max,
                         .read_policy = options_.read_policy,
                         .hedge_budget = options_.hedge_percent / 100.0,
                         .zone = options_.zone,
                         .checks_health = true,
                         .metrics = &metrics_},
          // Of answers: nodes may hold larger values than are accepted here.
          .limits = {.value_bytes_max = limits::kValueBytesHardMax},
          .on_lost = [this](const routing::Lost& lost) { on_lost(lost); },
          .on_map = [this](const ring::ClusterMapPtr& map) { on_map(map); }};
}

Result<void> Router::listen() {
  std::vector<net::Loop*> loops;
  for (auto& each : loops_) loops.push_back(&each->loop);
  const auto on_connection = [this](const auto& connection) {
    if (stopping_.load()) return;  // closes it
    for (auto& each : loops_) {
      if (&each->loop == &connection->loop()) each->accept(connection);
    }
  };
  GYRE_TRY_SET(listener_, net::Listener::open_bytes(options_.resp, loops, resp::byte_limits(server_), on_connection));
  server_.address = listener_->address();
  if (options_.listen.empty()) return {};
  const wire::Limits limits{.value_bytes_max = options_.value_bytes_max};
  GYRE_TRY_SET(native_listener_, net::Listener::open(options_.listen, loops, limits, on_connection));
  const std::string& address = options_.advertise.empty() ? native_listener_->address() : options_.advertise;
  for (auto& each : loops_) each->front.set_address(address);
  return {};
}

// --- The map ---

// A dispatcher asks for a map when a call needs one; clients are not to wait for the first that says who serves.
void Router::look_for_map(RouterLoop& each) {
  const ring::ClusterMapPtr& known = each.caller.map();
  if (stopping_.load() || (known != nullptr && is_placed(*known))) return;
  each.caller.call({messages::MapRequest{known == nullptr ? Epoch() : known->epoch}, net::steady_now() + kMapLook},
                   [this, &each](const Result<messages::ResponseBody>& answer) {
                     if (!answer && each.caller.map() == nullptr && !stopping_.load()) {
                       each.warn_once("no cluster map yet: " + answer.error().message);
                     }
                     each.loop.post([this, &each] { look_for_map(each); });
                   });
}

// THREAD: any loop's.
void Router::on_map(const ring::ClusterMapPtr& map) {
  {
    const std::lock_guard lock(mutex_);
    if (map_ != nullptr && map->epoch <= map_->epoch) return;
    map_ = map;
  }
  spdlog::info("cluster map epoch={} nodes={}", map->epoch.value(), map->nodes.size());
}

ring::ClusterMapPtr Router::map() const {
  const std::lock_guard lock(mutex_);
  return map_;
}

// Redis clients cannot be told; operators are.
void Router::on_lost(const routing::Lost& lost) {
  lost_writes_.add(lost.writes.size());
  spdlog::warn(
      "a failover lost writes that were acknowledged through this router: see `gyre lost list` partition={} "
      "writes={}{}",
      lost.partition.value(), lost.writes.size(), lost.more ? " and older ones" : "");
}

// --- Admin pages ---

Result<void> Router::ready() const {
  if (stopping_.load()) return fail(ErrorCode::unavailable, "the router is stopping");
  const auto known = map();
  if (known == nullptr) return fail(ErrorCode::unavailable, "no cluster map yet: none of the seeds gave one");
  if (!is_placed(*known)) {
    return fail(ErrorCode::unavailable, "the partitions are not placed yet: more nodes are awaited");
  }
  return {};
}

void Router::add_read_metrics() {
  const auto add = [this](const char* name, const char* help, const Counter& counter) {
    metrics_.computed(MetricsRegistry::Kind::counter, name, help, {},
                      [&counter] { return static_cast<double>(counter.value()); });
  };
  add("gyre_router_cache_hits_total", "Reads answered from the cache", cache_.counters().hits);
  add("gyre_router_cache_misses_total", "Reads that the cache could not answer", cache_.counters().misses);
  add("gyre_router_cache_evicted_total", "Values that made room in the cache", cache_.counters().evicted);
  metrics_.computed(MetricsRegistry::Kind::gauge, "gyre_router_cache_bytes", "Memory of the cache", {},
                    [this] { return static_cast<double>(cache_.bytes()); });
  metrics_.computed(MetricsRegistry::Kind::counter, "gyre_router_coalesced_total",
                    "Reads that went out together with others of the same key", {}, [this] {
                      std::uint64_t joined = 0;
                      for (const auto& each : loops_) joined += each->backend.coalescer().joined();
                      return static_cast<double>(joined);
                    });
}

Result<void> Router::start_admin() {
  observe::add_process_metrics(metrics_);
  resp::add_metrics(metrics_, server_);
  add_read_metrics();
  metrics_.computed(MetricsRegistry::Kind::gauge, "gyre_map_epoch", "Epoch of the newest cluster map known", {},
                    [this] {
                      const auto known = map();
                      return known ? static_cast<double>(known->epoch.value()) : 0.0;
                    });
  GYRE_TRY_SET(
      admin_,
      observe::AdminServer::open(
          {.address = options_.http, .title = "gyred router " + options_.id},
          {.metrics = metrics_,
           .ready = [this] { return ready(); },
           .map = [this] { return map(); },
           .pages = {{"/stats", "members, latencies, limits and cache, live", "text/html; charset=utf-8", stats_page},
                     {"/stats.json", "the same for machines", "application/json", [this] { return stats(); }}},
           .actions = {{"/members", [this](const auto& name, const auto& body) { return set_member(name, body); }}}}));
  return {};
}

// THREAD: the admin server's.
std::string Router::stats() {
  StatsSource source{.options = options_, .server = server_, .cache = cache_, .metrics = metrics_, .map = {}};
  for (const auto& each : loops_) source.coalesced += each->backend.coalescer().joined();
  {
    const std::lock_guard lock(mutex_);
    source.map = map_;
    source.weights = weights_;
  }
  return stats_json(source);  // takes the registry's lock, under which others ask for the map
}

// THREAD: the admin server's.
Result<std::string> Router::set_member(const std::string& name, const std::string& body) {
  GYRE_TRY_SET(const NodeId member, NodeId::parse(name));
  GYRE_TRY_SET(const double weight, parse_weight(body));
  {
    const std::lock_guard lock(mutex_);
    if (map_ == nullptr || map_->find_node(member) == nullptr) {
      return fail(ErrorCode::invalid_argument, fmt::format("the cluster has no node {}", name));
    }
    weights_[member] = weight;
    // Under the lock: what is set last here is set last there.
    for (const auto& each : loops_) {
      each->loop.post([loop = each.get(), member, weight] { loop->caller.dispatcher().set_weight(member, weight); });
    }
  }
  spdlog::info("reads of a member were given another weight: member={} weight={}", name, weight);
  return stats();
}

// --- Stop ---

void Router::await_end(RouterLoop& each, Instant give_up, const std::shared_ptr<std::promise<void>>& done) {
  bool all = true;
  each.for_each_session([&](const auto& session) { all = all && session.closed(); });
  if (all || net::steady_now() >= give_up) {
    each.caller.shut_down();
    return done->set_value();
  }
  each.loop.after(std::chrono::milliseconds(5), [this, &each, give_up, done] { await_end(each, give_up, done); });
}

// Accepts nothing new, lets open commands finish. Balancers see it by /readyz, clients by their connections' end.
void Router::shut_down() {
  stopping_.store(true);
  listener_->close();
  if (native_listener_) native_listener_->close();
  std::vector<std::future<void>> ended;
  for (auto& each : loops_) {
    auto done = std::make_shared<std::promise<void>>();
    ended.push_back(done->get_future());
    each->loop.post([this, loop = each.get(), done] {
      loop->for_each_session([](auto& session) { session.finish(); });
      await_end(*loop, net::steady_now() + kDrainLimit, done);
    });
  }
  for (auto& each : ended) each.wait();
  admin_.reset();
  for (auto& each : loops_) each->loop.stop();
  for (auto& each : loops_) each->loop.join();
  listener_.reset();
  native_listener_.reset();
  for (auto& each : loops_) each->loop.discard();
}

}  // namespace

int run_router(const RouterOptions& options) {
  net::StopSignal stop;
  Router router(options);
  if (const auto started = router.start(); !started) {
    spdlog::error("{}", started.error().message);
    return started.error().code == ErrorCode::unavailable ? kExitUnavailable : kExitFailed;
  }
  const int asked = stop.wait();
  spdlog::info("stopping");
  router.shut_down();
  spdlog::info("stopped");
  return asked;
}

}  // namespace gyre::router
