#include "coordinator/server.h"

#include <random>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/assert.h"
#include "base/limits.h"
#include "control/timing.h"
#include "observe/process_metrics.h"

namespace gyre::coordinator {

namespace {

// Nothing a coordinator is asked is larger.
constexpr wire::Limits kLimits{.key_bytes_max = limits::kKeyBytesMax, .value_bytes_max = 64 * 1024};
// Of one connection in one turn of the loop. Each may be answered with a whole cluster map, and honest peers have one
// request open.
constexpr std::size_t kTurnRequestsMax = 16;
const Error kAskedTooMuch{ErrorCode::busy, Outcome::not_applied, "a coordinator is asked one thing at a time",
                          limits::kBusyRetryAfter};

using Kind = control::CoordinatorEvent::Kind;

ClusterId random_cluster_id() {
  std::random_device device;
  const auto word = [&] { return (std::uint64_t{device()} << 32) | device(); };
  const std::uint64_t high = word();
  return Uuid::from_words(high, word());
}

spdlog::level::level_enum level_of(Kind kind) {
  switch (kind) {
    case Kind::node_refused:
    case Kind::node_down: return spdlog::level::warn;
    case Kind::store_failed:
    case Kind::store_behind: return spdlog::level::err;
    default: return spdlog::level::info;
  }
}

}  // namespace

// Hands the requests of one connection to the server. Responses have no business here and are dropped.
class Server::Session final : public net::ConnectionHandler, public std::enable_shared_from_this<Session> {
 public:
  Session(Server& server, const net::ConnectionPtr& connection) : server_(server), connection_(connection) {}

  void on_frame(messages::Frame frame) override {
    const net::ConnectionPtr connection = connection_.lock();
    if (turn_requests_ == 0) {
      server_.loop_.at_turn_end([self = shared_from_this()] { self->turn_requests_ = 0; });
    }
    for (const messages::Request& request : frame.requests) {
      if (++turn_requests_ > kTurnRequestsMax) {
        connection->send(messages::Response{request.id, Epoch{}, kAskedTooMuch});
        continue;
      }
      server_.on_request(connection, request);
    }
  }
  void on_closed(const Error& why) override {
    if (why.code == ErrorCode::invalid_argument || why.code == ErrorCode::too_large) server_.malformed_.add();
    spdlog::debug("connection closed why=\"{}\"", why.message);
  }

 private:
  Server& server_;
  std::weak_ptr<net::Connection> connection_;  // which owns this session
  std::size_t turn_requests_ = 0;
};

Server::Server(std::unique_ptr<FileStore> store)
    : requests_(metrics_.counter("gyre_coordinator_requests_total", "Requests received")),
      malformed_(metrics_.counter("gyre_frames_malformed_total",
                                  "Connections closed because of bytes that are no frame, or beyond a limit")),
      epoch_(metrics_.gauge("gyre_coordinator_epoch", "Epoch of the cluster map")),
      nodes_(metrics_.gauge("gyre_coordinator_nodes", "Nodes in the cluster map")),
      nodes_up_(metrics_.gauge("gyre_coordinator_nodes_up", "Nodes heard within the detection time")),
      swap_seconds_(metrics_.histogram("gyre_coordinator_swap_seconds", "Time to replace the cluster state")),
      store_(std::move(store)),
      pool_(std::make_unique<net::BlockingPool>("store", 1)) {
  observe::add_process_metrics(metrics_);
}

Server::~Server() {
  admin_.reset();
  if (listener_) listener_->close();
  loop_.stop();
  loop_.join();
  pool_.reset();
}

Result<std::unique_ptr<Server>> Server::start(const CoordinatorOptions& options) {
  GYRE_TRY_SET(auto store, FileStore::open(options.data_dir));
  std::unique_ptr<Server> server(new Server(std::move(store)));
  GYRE_TRY(server->open(options));
  return server;
}

Result<void> Server::open(const CoordinatorOptions& options) {
  GYRE_TRY_SET(auto stored, store_->load());
  const auto on_connection = [this](net::ConnectionPtr connection) {
    connection->start(std::make_shared<Session>(*this, connection));
  };
  GYRE_TRY_SET(listener_, net::Listener::open(options.listen, {&loop_}, kLimits, on_connection));
  const auto published = [this] {
    const std::lock_guard lock(published_mutex_);
    return published_;
  };
  GYRE_TRY_SET(admin_, observe::AdminServer::open({.address = options.http, .title = "gyred coordinator " + options.id},
                                                  {.metrics = metrics_,
                                                   .ready = [published] { return published().ready; },
                                                   .map = [published] { return published().map; }}));
  begin(options, std::move(stored));
  return {};
}

void Server::begin(const CoordinatorOptions& options, std::optional<control::ClusterState> stored) {
  if (stored) {
    spdlog::info("cluster={} epoch={} nodes={}", stored->map.cluster.str(), stored->map.epoch.value(),
                 stored->map.nodes.size());
  }
  if (stored && stored->map.shape != options.shape) {
    const ring::ClusterShape& shape = stored->map.shape;
    spdlog::info(
        "the cluster keeps the shape it was created with: partitions={} replication_factor={} vnodes={} "
        "load_slack={}; options for a new cluster have no effect",
        shape.partitions, shape.replication_factor, shape.vnodes, shape.load_slack);
  }
  control::CoordinatorConfig config;
  config.new_cluster = random_cluster_id();
  config.shape = options.shape;
  config.initial_nodes = options.initial_nodes;
  config.addresses = {options.advertise.empty() ? native_address() : options.advertise};
  machine_.emplace(std::move(config), std::move(stored), net::steady_now());
  loop_.post([this] { run_effects(); });
  loop_.every(control::kHeartbeatInterval / 2, [this] { on_tick(); });
  loop_.start();
}

void Server::on_request(const net::ConnectionPtr& connection, const messages::Request& request) {
  requests_.add();
  last_token_ = last_token_.next();
  open_requests_.emplace(last_token_, OpenRequest{connection, request.id});
  machine_->on_request(net::steady_now(), last_token_, request.body);
  run_effects();
}

void Server::on_tick() {
  const Instant now = net::steady_now();
  if (machine_->next_deadline() > now) return;
  machine_->on_deadline(now);
  run_effects();
}

void Server::run_effects() {
  publish();
  for (control::CoordinatorEffect& effect : machine_->take_effects()) {
    std::visit([this](auto& e) { perform(e); }, effect);
  }
}

void Server::perform(control::SwapState& swap) {
  submit([this, expected = swap.expected, state = swap.state] {
    const Instant begin = net::steady_now();
    auto outcome = store_->swap(expected, *state);
    swap_seconds_.record(net::steady_now() - begin);
    loop_.post([this, outcome = std::move(outcome)] {
      machine_->on_swapped(net::steady_now(), outcome);
      run_effects();
    });
  });
}

void Server::perform(control::LoadState&) {
  submit([this] {
    loop_.post([this, outcome = store_->load()]() mutable {
      machine_->on_loaded(net::steady_now(), std::move(outcome));
      run_effects();
    });
  });
}

void Server::perform(control::Answer& answer) {
  const auto request = open_requests_.extract(answer.token);
  GYRE_ASSERT(!request.empty());
  const ring::ClusterMapPtr map = machine_->map();
  request.mapped().connection->send(messages::Response{
      .id = request.mapped().id, .epoch = map ? map->epoch : Epoch{}, .body = std::move(answer.body)});
}

void Server::perform(control::CoordinatorEvent& event) {
  if (event.kind == Kind::node_up) nodes_up_.add(1);
  if (event.kind == Kind::node_down) nodes_up_.add(-1);
  spdlog::log(level_of(event.kind), "event={} node={} epoch={} detail=\"{}\"", control::to_string(event.kind),
              event.node.empty() ? "-" : event.node.str(), epoch_.value(), event.detail);
}

void Server::submit(net::Task job) {
  const auto submitted = pool_->submit(std::move(job));
  GYRE_ASSERT(submitted);  // the machine has one store operation open at most
}

void Server::publish() {
  Published now{machine_->map(), machine_->ready()};
  if (now.map) {
    epoch_.set(static_cast<std::int64_t>(now.map->epoch.value()));
    nodes_.set(static_cast<std::int64_t>(now.map->nodes.size()));
  }
  const std::lock_guard lock(published_mutex_);
  published_ = std::move(now);
}

}  // namespace gyre::coordinator
