#include "node/node.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/log.h"
#include "base/metrics.h"
#include "net/blocking_pool.h"
#include "net/listener.h"
#include "net/stop_signal.h"
#include "node/coordinator_link.h"
#include "node/load_reports.h"
#include "node/map_keeper.h"
#include "node/memory_reserve.h"
#include "node/node_loop.h"
#include "observe/admin_server.h"
#include "observe/process_metrics.h"
#include "runtime/partition_host.h"
#include "storage/data_directory.h"

namespace gyre::node {

namespace {

// So many times a second the requests that a node may serve may all come at once.
constexpr double kCapacityBursts = 20;
constexpr std::size_t kPoolThreads = 4;
constexpr int kExitFailed = 1;
constexpr int kExitUnavailable = 3;
// A clean stop waits so long for open requests.
constexpr auto kDrainLimit = std::chrono::seconds(5);
// And before that, while a coordinator is in contact, for others to take over what this node serves.
constexpr auto kLeaveLimit = std::chrono::seconds(10);
// While the map does not change for so long, nobody takes over: all who could are gone, or stop as well.
constexpr auto kLeaveIdleLimit = std::chrono::seconds(2);

// A node that serves none of its partitions at so many looks is not ready; at one, it may just take the first of them
// over.
constexpr int kIdleLooksMax = 2;

// In Redis's words.
std::string_view appendfsync(runtime::Durability durability) {
  switch (durability) {
    case runtime::Durability::os: return "no";
    case runtime::Durability::everysec: return "everysec";
    case runtime::Durability::always: return "always";
  }
  return "no";
}

// Wires everything a node consists of; the only place that knows all parts.
class Node {
 public:
  Node(const NodeOptions& options, net::StopSignal& stop)
      : options_(options), stop_(stop), faults_(options.allow_fault_injection, std::random_device()()) {}

  Result<void> start();
  Result<void> shut_down();

 private:
  Result<void> open_storage();
  void create_loops();
  Result<void> create_hosts();
  wire::Limits limits() const;
  Counter& malformed();
  // Null: connections need not ask.
  net::Faults* faults() { return faults_.allowed() ? &faults_ : nullptr; }
  Result<void> listen();
  Result<void> listen_for_redis();
  Result<void> start_admin();
  ring::NodeInfo describe_self() const;
  void recall_map();
  void start_link();
  void tell_coordinator(std::uint32_t store, messages::Message message);
  void tell_load(std::uint32_t store, messages::LoadReport report);
  void leave();
  void await_leave(Instant give_up, Instant idle_since, const ring::ClusterMapPtr& before,
                   const std::shared_ptr<std::promise<void>>& done);
  void drain(const std::function<void(NodeLoop&)>& begin, SessionTest test);
  void publish(const ring::ClusterMapPtr& map, replication::MapSource source);
  ring::ClusterMapPtr map() const;
  std::size_t serving() const;
  bool settled() const;
  // Notes that it was, once.
  Result<void> ready();

  const NodeOptions& options_;
  net::StopSignal& stop_;
  net::Faults faults_;
  MetricsRegistry metrics_;
  std::unique_ptr<runtime::HostMetrics> host_metrics_;
  std::unique_ptr<storage::DataDirectory> data_;
  std::unique_ptr<storage::Ledger> ledger_;
  std::unique_ptr<net::BlockingPool> pool_;
  resp::Server resp_;  // outlives the sessions, which the loops have
  std::vector<std::unique_ptr<NodeLoop>> loops_;
  std::vector<HostSlot> hosts_;  // by partition mod their number
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<net::Listener> resp_listener_;  // null: none
  std::unique_ptr<observe::AdminServer> admin_;
  std::shared_ptr<CoordinatorLink> link_;
  // The first loop's own:
  std::unique_ptr<MapKeeper> maps_;
  ring::MapHistory history_;  // of the maps published
  std::optional<LoadReports> loads_;
  std::atomic<bool> map_from_store_{false};
  std::atomic<std::size_t> primaries_{0};  // of this node, by the newest map
  // It has been in good order since this process started: partitions that come and go do not make it unready again.
  std::atomic<bool> arrived_{false};
  std::atomic<int> idle_looks_{0};  // in a row, one a second, at which it served none of its partitions
  std::atomic<bool> stopping_{false};
  std::atomic<bool> draining_{false};  // takes no more connections
  mutable std::mutex map_mutex_;
  ring::ClusterMapPtr map_;  // for the admin pages; guarded by map_mutex_
};

Result<void> Node::start() {
  GYRE_TRY(open_storage());
  create_loops();
  GYRE_TRY(listen());
  GYRE_TRY(listen_for_redis());
  GYRE_TRY(create_hosts());
  GYRE_TRY(start_admin());
  recall_map();
  start_link();
  spdlog::info("ready: native={} http={} resp={} data={} incarnation={}", listener_->address(), admin_->address(),
               resp_listener_ ? resp_listener_->address() : "none", options_.data_dir, data_->incarnation().value());
  if (faults_.allowed()) spdlog::warn("whoever reaches this process may break it on purpose: --allow-fault-injection");
  for (auto& each : loops_) {
    each->loop.post([first = each == loops_.front()] {
      const auto kept = keep_memory_ready();
      if (!kept && first) spdlog::info("loops may wait for memory as the node grows: {}", kept.error().message);
    });
    each->loop.start();
  }
  return {};
}

Result<void> Node::open_storage() {
  std::random_device random;
  const auto word = [&] { return std::uint64_t{random()} << 32 | random(); };
  storage::DataDirectoryOptions options;
  options.node = NodeId(options_.id);
  options.stores = options_.stores == 0 ? options_.loops : options_.stores;
  options.cache_bytes = options_.cache_bytes;
  options.memtable_bytes = options_.memtable_bytes;
  options.log_bytes = options_.log_bytes;
  options.random = {word(), word()};
  options.always_synced = options_.durability == Durability::always;
  GYRE_TRY_SET(data_, storage::DataDirectory::open(options_.data_dir, options));
  if (data_->may_lack_writes()) {
    spdlog::warn("the machine died under this node: writes acknowledged just before may be missing generation={}",
                 data_->generation().value());
  }
  GYRE_TRY_SET(ledger_, storage::open_ledger(options_.data_dir));
  return {};
}

void Node::create_loops() {
  pool_ = std::make_unique<net::BlockingPool>("disk", kPoolThreads);
  host_metrics_ = std::make_unique<runtime::HostMetrics>(metrics_);
  const PeerLinksOptions peers{.self = NodeId(options_.id),
                               .incarnation = data_->incarnation(),
                               .limits = limits(),
                               .trust_refused = options_.trust_refused,
                               .faults = faults()};
  for (std::uint32_t i = 0; i < options_.loops; ++i) {
    loops_.push_back(std::make_unique<NodeLoop>(fmt::format("loop-{}", i), *pool_, peers));
  }
}

// After listen(): a peer that was refused before counts on the leases that this process may have given until it
// started, so `started` must be later than the last refusal.
Result<void> Node::create_hosts() {
  const Instant started = net::steady_now();
  const auto& engines = data_->engines();
  loads_.emplace(engines.size());
  for (std::uint32_t store = 0; store < engines.size(); ++store) {
    NodeLoop& owner = *loops_[store % loops_.size()];
    const runtime::HostOptions options{.self = NodeId(options_.id),
                                       .incarnation = data_->incarnation(),
                                       .generation = data_->generation(),
                                       .loses_nothing = !data_->may_lack_writes(),
                                       .started = started,
                                       .durability = options_.durability,
                                       .value_bytes_max = options_.value_bytes_max,
                                       .record_cache_bytes = options_.record_cache_bytes / engines.size(),
                                       .shard = store,
                                       .shards = static_cast<std::uint32_t>(engines.size())};
    owner.host_environments.push_back(std::make_unique<LoopEnvironment>(
        owner.loop, *pool_, *owner.peers,
        [this, store](messages::Message m) { tell_coordinator(store, std::move(m)); }));
    GYRE_TRY_SET(auto host, runtime::PartitionHost::open(options, *engines[store], *ledger_,
                                                         *owner.host_environments.back(), *host_metrics_));
    hosts_.push_back({&owner.loop, host.get()});
    owner.hosts.push_back(std::move(host));
  }
  for (auto& each : loops_) {
    each->view = {.loop = &each->loop,
                  .map = nullptr,
                  .history = nullptr,
                  .hosts = &hosts_,
                  .malformed = &malformed(),
                  .ledger = ledger_.get(),
                  .environment = &each->environment,
                  .faults = &faults_};
    if (options_.capacity > 0) {
      const double share = static_cast<double>(options_.capacity) / static_cast<double>(loops_.size());
      each->view.capacity.emplace(RateLimit{.per_second = share, .burst = share / kCapacityBursts}, net::steady_now());
    }
    NodeLoop* self = each.get();
    each->loop.on_turn_end([self] {
      for (auto& host : self->hosts) host->end_turn();
    });
    each->loop.every(kTick, [self] { self->tick(); });
    each->loop.every(std::chrono::seconds(1), [self] {
      for (auto& host : self->hosts) host->on_second();
    });
  }
  // A node whose machine died counts as lacking writes, in this process and in later ones, until then.
  loops_[0]->loop.every(std::chrono::seconds(1), [this] {
    if (map() != nullptr && settled()) maps_->on_settled();
    idle_looks_.store(serving() == 0 && primaries_.load() > 0 ? idle_looks_.load() + 1 : 0);
    if (!arrived_) static_cast<void>(ready());
  });
  return {};
}

Counter& Node::malformed() {
  return metrics_.counter("gyre_frames_malformed_total",
                          "Connections closed because of bytes that are no frame, or beyond a limit");
}

wire::Limits Node::limits() const {
  wire::Limits limits;
  limits.value_bytes_max = options_.value_bytes_max;
  return limits;
}

Result<void> Node::listen() {
  Counter& accepted = metrics_.counter("gyre_connections_total", "Connections accepted at the native port");
  std::vector<net::Loop*> loops;
  for (auto& each : loops_) loops.push_back(&each->loop);
  const auto on_connection = [this, &accepted](const net::ConnectionPtr& connection) {
    if (draining_.load()) return;  // closes it
    accepted.add();
    for (auto& each : loops_) {
      if (&each->loop == &connection->loop()) {
        const auto session = std::make_shared<Session>(each->view, connection);
        std::erase_if(each->sessions, [](const auto& other) { return other.expired(); });
        each->sessions.push_back(session);
        connection->set_faults(faults(), {});
        connection->start(session);
      }
    }
  };
  GYRE_TRY_SET(listener_, net::Listener::open(options_.listen, loops, limits(), on_connection));
  return {};
}

Result<void> Node::listen_for_redis() {
  if (options_.resp.empty()) return {};
  resp_.self = NodeId(options_.id);
  resp_.value_bytes_max = options_.value_bytes_max;
  resp_.appendfsync = appendfsync(options_.durability);
  resp_.may_be_broken = options_.allow_fault_injection;
  resp_.users = options_.users;
  resp_.started = net::steady_now();
  Counter& malformed = this->malformed();
  std::vector<net::Loop*> loops;
  for (auto& each : loops_) {
    loops.push_back(&each->loop);
    each->resp_backend.emplace(each->view, resp_.self);
    each->resp_shared.emplace(each->loop, *each->resp_backend, resp_, malformed);
  }
  const auto on_connection = [this](const net::ByteConnectionPtr& connection) {
    if (draining_.load()) return;  // closes it
    for (auto& each : loops_) {
      if (&each->loop != &connection->loop()) continue;
      const auto session = std::make_shared<resp::Session>(*each->resp_shared, connection);
      std::erase_if(each->resp_sessions, [](const auto& other) { return other.expired(); });
      each->resp_sessions.push_back(session);
      connection->start(session);
    }
  };
  GYRE_TRY_SET(resp_listener_,
               net::Listener::open_bytes(options_.resp, loops, resp::byte_limits(resp_), on_connection));
  resp_.address = resp_listener_->address();
  resp::add_metrics(metrics_, resp_);
  return {};
}

// --- Membership ---

ring::NodeInfo Node::describe_self() const {
  ring::NodeInfo self;
  self.id = NodeId(options_.id);
  self.data_id = data_->data_id();
  self.incarnation = data_->incarnation();
  self.generation = data_->generation();
  self.zone = options_.zone;
  self.weight = options_.weight;
  self.addresses.native = options_.advertise.empty() ? listener_->address() : options_.advertise;
  self.addresses.http = admin_->address();
  if (resp_listener_) {
    self.addresses.resp = options_.advertise_resp.empty() ? resp_listener_->address() : options_.advertise_resp;
  }
  return self;
}

// With no coordinator to be found, what is known of the cluster is enough to follow primaries and give them leases; but
// not for a process that may have lost what it promised them.
void Node::recall_map() {
  NodeLoop& first = *loops_[0];
  maps_ = std::make_unique<MapKeeper>(
      *data_,
      MapKeeper::Callbacks{
          .run_blocking =
              [&first](runtime::Job work, runtime::Job done) {
                return first.environment.run_blocking(std::move(work), std::move(done));
              },
          .after = [&first](Duration delay, runtime::Job task) { first.loop.after(delay, std::move(task)); },
          .publish = [this](const ring::ClusterMapPtr& map, replication::MapSource source) { publish(map, source); },
          .on_failed =
              [this](const Error& error) {
                spdlog::error("{}", error.message);
                stop_.stop(kExitFailed);
              }});
  if (!data_->may_lack_writes()) maps_->recall();
}

void Node::start_link() {
  control::Agent agent(describe_self(), data_->cluster(), data_->map_epoch(), options_.coordinators.size(),
                       net::steady_now());
  CoordinatorLink::Callbacks callbacks;
  callbacks.on_map = [this](const ring::ClusterMapPtr& map) { maps_->on_map(map); };
  callbacks.on_refused = [this](const Error& error) {
    spdlog::error("the cluster refuses this node: {}", error.message);
    stop_.stop(kExitFailed);
  };
  callbacks.on_message = [this](const messages::Sender& sender, const messages::Message& message) {
    for (auto& each : loops_) {
      each->loop.post([loop = each.get(), sender, message] {
        for (auto& host : loop->hosts) host->on_message(sender, message);
      });
    }
  };
  link_ = std::make_shared<CoordinatorLink>(loops_[0]->loop, options_.coordinators, std::move(agent),
                                            messages::Sender{{}, NodeId(options_.id), data_->incarnation()},
                                            std::move(callbacks), faults());
  loops_[0]->loop.post([link = link_] { link->start(); });
}

// THREAD: any loop's.
void Node::tell_coordinator(std::uint32_t store, messages::Message message) {
  if (!loops_[0]->loop.on_this_thread()) {
    return loops_[0]->loop.post(
        [this, store, message = std::move(message)]() mutable { tell_coordinator(store, std::move(message)); });
  }
  if (auto* load = std::get_if<messages::LoadReport>(&message)) return tell_load(store, std::move(*load));
  link_->tell(std::move(message));
}

// The coordinator knows nodes, not stores.
void Node::tell_load(std::uint32_t store, messages::LoadReport report) {
  auto whole = loads_->add(store, std::move(report));
  if (!whole) return;
  whole->faults = static_cast<std::uint32_t>(faults_.count());
  link_->tell(*std::move(whole));
}

void Node::publish(const ring::ClusterMapPtr& map, replication::MapSource source) {
  const NodeId self(options_.id);
  const auto mine = std::ranges::count(map->entries, self, &ring::PartitionEntry::primary);
  primaries_.store(static_cast<std::size_t>(mine));
  if (source == replication::MapSource::store) {
    map_from_store_.store(true);
    spdlog::info("cluster map epoch={} nodes={} primaries_here={}", map->epoch.value(), map->nodes.size(), mine);
  } else {
    spdlog::info("follows by the cluster map known last until a coordinator gives one epoch={}", map->epoch.value());
  }
  {
    const std::lock_guard lock(map_mutex_);
    map_ = map;
  }
  history_.adopt(map);
  const auto history = std::make_shared<const ring::MapHistory>(history_);
  for (auto& each : loops_) {
    each->loop.post([loop = each.get(), map, history, source] {
      loop->view.map = map;
      loop->view.history = history;
      loop->peers->on_map(map);
      for (auto& host : loop->hosts) host->on_map(map, source);
    });
  }
}

ring::ClusterMapPtr Node::map() const {
  const std::lock_guard lock(map_mutex_);
  return map_;
}

// --- Admin pages ---

bool Node::settled() const {
  return std::ranges::all_of(loops_, [](const auto& each) { return each->settled.load(); });
}

std::size_t Node::serving() const {
  std::size_t count = 0;
  for (const auto& each : loops_) count += each->serving.load(std::memory_order_relaxed);
  return count;
}

Result<void> Node::ready() {
  if (stopping_.load()) return fail(ErrorCode::unavailable, "the node is stopping");
  const auto known = map();
  if (known == nullptr) return fail(ErrorCode::unavailable, "no cluster map yet: the coordinator is awaited");
  if (!map_from_store_.load()) {
    return fail(ErrorCode::unavailable, "no cluster map since the start of this process: the coordinator is awaited");
  }
  if (std::ranges::any_of(known->entries, [](const auto& entry) { return entry.primary.empty(); })) {
    return fail(ErrorCode::unavailable, "the partitions are not placed yet: more nodes are awaited");
  }
  const std::size_t wanted = primaries_.load();
  const std::size_t served = serving();
  if (arrived_ && idle_looks_.load() < kIdleLooksMax) return {};
  if (served < wanted) {
    return fail(ErrorCode::unavailable, fmt::format("serves {} of {} partitions", served, wanted));
  }
  if (!settled()) {
    return fail(ErrorCode::unavailable, "not in sync yet with every partition it is a member of: it catches up");
  }
  arrived_.store(true);
  return {};
}

Result<void> Node::start_admin() {
  observe::add_process_metrics(metrics_);
  metrics_.computed(MetricsRegistry::Kind::gauge, "gyre_partitions_served", "Partitions this node is primary of", {},
                    [this] { return static_cast<double>(serving()); });
  metrics_.computed(MetricsRegistry::Kind::gauge, "gyre_map_epoch", "Epoch of the newest cluster map known", {},
                    [this] {
                      const auto known = map();
                      return known ? static_cast<double>(known->epoch.value()) : 0.0;
                    });
  metrics_.computed(MetricsRegistry::Kind::gauge, "gyre_injected_faults",
                    "Rules of injected network faults that are on", {},
                    [this] { return static_cast<double>(faults_.count()); });
  GYRE_TRY_SET(admin_,
               observe::AdminServer::open(
                   {.address = options_.http, .title = "gyred node " + options_.id},
                   {.metrics = metrics_, .ready = [this] { return ready(); }, .map = [this] { return map(); }}));
  return {};
}

// --- Stop ---

// Lets others take over, while there is a coordinator to arrange it.
void Node::leave() {
  auto done = std::make_shared<std::promise<void>>();
  auto left = done->get_future();
  for (auto& each : loops_) {
    each->settled_away.store(false);
    each->loop.post([loop = each.get()] {
      for (auto& host : loop->hosts) host->begin_stop();
    });
  }
  loops_[0]->loop.post([this, done] {
    const Instant now = net::steady_now();
    await_leave(now + kLeaveLimit, now, maps_->newest(), done);
  });
  left.wait();
}

// `before`: the newest map at `idle_since`. THREAD: the first loop's.
void Node::await_leave(Instant give_up, Instant idle_since, const ring::ClusterMapPtr& before,
                       const std::shared_ptr<std::promise<void>>& done) {
  const Instant now = net::steady_now();
  const bool away = std::ranges::all_of(loops_, [](const auto& each) { return each->settled_away.load(); });
  if (maps_->newest() != before) idle_since = now;
  const bool hopeless = !link_->in_contact() || now >= give_up || now - idle_since >= kLeaveIdleLimit;
  if (away || hopeless) return done->set_value();
  link_->tell(messages::Leaving{});
  loops_[0]->loop.after(
      kTick, [this, give_up, idle_since, map = maps_->newest(), done] { await_leave(give_up, idle_since, map, done); });
}

// Runs `begin` on every loop, then waits until all sessions pass `test`, but not for ever.
void Node::drain(const std::function<void(NodeLoop&)>& begin, SessionTest test) {
  std::vector<std::future<void>> drained;
  for (auto& each : loops_) {
    auto done = std::make_shared<std::promise<void>>();
    drained.push_back(done->get_future());
    each->loop.post([loop = each.get(), begin, test, done] {
      begin(*loop);
      wait_for_sessions(*loop, test, net::steady_now() + kDrainLimit, done);
    });
  }
  for (auto& each : drained) each.wait();
}

// Hands over, accepts nothing new, lets open requests finish (members still acknowledge meanwhile), syncs, marks the
// stop as clean. The port is closed last: to others a refused connection means that this process serves no more.
Result<void> Node::shut_down() {
  stopping_.store(true);
  leave();
  draining_.store(true);
  drain([](NodeLoop& loop) { loop.refuse_requests(); }, SessionTest::idle);
  drain(
      [&](NodeLoop& loop) {
        loop.peers->stop();
        if (&loop == loops_.front().get()) link_->stop();
        loop.for_each_session([](auto& session) { session.finish(); });
      },
      SessionTest::closed);
  admin_.reset();
  for (auto& each : loops_) each->loop.stop();
  for (auto& each : loops_) each->loop.join();
  pool_.reset();
  listener_.reset();
  resp_listener_.reset();
  for (auto& each : loops_) each->hosts.clear();
  for (auto& each : loops_) each->loop.discard();
  maps_->finish();
  return data_->close();
}

}  // namespace

int run_node(const NodeOptions& options) {
  net::StopSignal stop;
  Node node(options, stop);
  if (const auto started = node.start(); !started) {
    spdlog::error("{}", started.error().message);
    return started.error().code == ErrorCode::unavailable ? kExitUnavailable : kExitFailed;
  }
  const int asked = stop.wait();
  spdlog::info("stopping");
  if (const auto stopped = node.shut_down(); !stopped) {
    spdlog::error("{}", stopped.error().message);
    return kExitFailed;
  }
  spdlog::info("stopped");
  return asked;
}

}  // namespace gyre::node
