#include "coordinator/server.h"

#include <algorithm>
#include <random>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/timing.h"
#include "net/address.h"
#include "observe/process_metrics.h"

namespace gyre::coordinator {

namespace {

constexpr auto kProbeLimit = std::chrono::seconds(1);

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

// Hands the requests and messages of one connection to the server. Responses have no business here and are dropped.
class Server::Session final : public net::ConnectionHandler, public std::enable_shared_from_this<Session> {
 public:
  Session(Server& server, const net::ConnectionPtr& connection)
      : server_(server), connection_(connection), id_(connection->id()) {}

  void on_frame(messages::Frame frame) override {
    const net::ConnectionPtr connection = connection_.lock();
    if (!frame.messages.empty()) server_.on_messages(connection, frame.sender, std::move(frame.messages));
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
    server_.on_connection_closed(id_);
  }

 private:
  Server& server_;
  std::weak_ptr<net::Connection> connection_;  // which owns this session
  ConnectionId id_;
  std::size_t turn_requests_ = 0;
};

Server::Server(std::unique_ptr<FileStore> store, EventLog events, bool allow_fault_injection)
    : requests_(metrics_.counter("gyre_coordinator_requests_total", "Requests received")),
      malformed_(metrics_.counter("gyre_frames_malformed_total",
                                  "Connections closed because of bytes that are no frame, or beyond a limit")),
      epoch_(metrics_.gauge("gyre_coordinator_epoch", "Epoch of the cluster map")),
      nodes_(metrics_.gauge("gyre_coordinator_nodes", "Nodes in the cluster map")),
      nodes_up_(metrics_.gauge("gyre_coordinator_nodes_up", "Nodes heard within the detection time")),
      swap_seconds_(metrics_.histogram("gyre_coordinator_swap_seconds", "Time to replace the cluster state")),
      store_(std::move(store)),
      faults_(allow_fault_injection, std::random_device()()),
      events_(std::move(events)),
      pool_(std::make_unique<net::BlockingPool>("store", 1)) {
  observe::add_process_metrics(metrics_);
  metrics_.computed(MetricsRegistry::Kind::gauge, "gyre_injected_faults",
                    "Rules of injected network faults that are on", {},
                    [this] { return static_cast<double>(faults_.count()); });
}

Server::~Server() {
  admin_.reset();
  if (listener_) listener_->close();
  loop_.stop();
  loop_.join();
  pool_.reset();
  (void)events_.write(events_.take_unwritten());
}

Result<std::unique_ptr<Server>> Server::start(const CoordinatorOptions& options) {
  GYRE_TRY_SET(auto store, FileStore::open(options.data_dir));
  GYRE_TRY_SET(EventLog events, EventLog::open(options.data_dir));
  if (events.passed_over() > 0) {
    spdlog::warn("{} lines of the event log are no events and were passed over: the disk may have been full",
                 events.passed_over());
  }
  std::unique_ptr<Server> server(new Server(std::move(store), std::move(events), options.allow_fault_injection));
  GYRE_TRY(server->open(options));
  return server;
}

Result<void> Server::open(const CoordinatorOptions& options) {
  GYRE_TRY_SET(auto stored, store_->load());
  const auto on_connection = [this](net::ConnectionPtr connection) {
    connection->set_faults(faults_.allowed() ? &faults_ : nullptr, {});
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
  if (faults_.allowed()) spdlog::warn("network faults may be injected into this process: --allow-fault-injection");
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
  config.balance_primaries = options.balance_primaries;
  trust_refused_ = options.trust_refused;
  machine_.emplace(std::move(config), std::move(stored), net::steady_now());
  loop_.post([this] { run_effects(); });
  loop_.every(kTick, [this] { on_tick(); });
  loop_.start();
}

void Server::on_request(const net::ConnectionPtr& connection, const messages::Request& request) {
  requests_.add();
  if (const auto* asked = std::get_if<messages::EventsRequest>(&request.body)) {
    return connection->send(messages::Response{request.id, Epoch{}, events_.page(asked->after)});
  }
  if (const auto* faults = std::get_if<messages::FaultsRequest>(&request.body)) {
    auto served = faults_.serve(*faults);
    auto body = served ? messages::ResponseBody(*std::move(served)) : messages::ResponseBody(std::move(served).error());
    return connection->send(messages::Response{request.id, Epoch{}, std::move(body)});
  }
  if (const auto* heartbeat = std::get_if<messages::HeartbeatRequest>(&request.body)) {
    note_connection({heartbeat->cluster, heartbeat->node, heartbeat->incarnation}, connection);
  }
  last_token_ = last_token_.next();
  open_requests_.emplace(last_token_, OpenRequest{connection, request.id});
  machine_->on_request(net::steady_now(), last_token_, request.body);
  run_effects();
}

void Server::on_messages(const net::ConnectionPtr& connection, const messages::Sender& sender,
                         std::vector<messages::Message> messages) {
  if (!note_connection(sender, connection)) return;
  const Instant now = net::steady_now();
  for (messages::Message& message : messages) machine_->on_message(now, sender, std::move(message));
  run_effects();
}

// Notes where the process is reached. False: it is not the one that the map names.
bool Server::note_connection(const messages::Sender& from, const net::ConnectionPtr& connection) {
  const ring::ClusterMapPtr map = machine_->map();
  const ring::NodeInfo* node = map && map->cluster == from.cluster ? map->find_node(from.node) : nullptr;
  if (node == nullptr || node->incarnation != from.incarnation) return false;
  connections_[from.node] = connection;
  return true;
}

// A node that closes its connection may have died.
void Server::on_connection_closed(ConnectionId connection) {
  std::vector<NodeId> lost;
  std::erase_if(connections_, [&](const auto& entry) {
    const bool closed = entry.second->id() == connection;
    if (closed) lost.push_back(entry.first);
    return closed;
  });
  for (const NodeId& node : lost) machine_->on_connection_lost(net::steady_now(), node);
  if (!lost.empty()) run_effects();
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

void Server::perform(control::SendToNode& send) {
  const auto to = connections_.find(send.node);
  if (to == connections_.end() || to->second->output_bytes() > limits::kConnectionOutputBytesMax) return;
  const ring::ClusterMapPtr map = machine_->map();
  to->second->set_sender({map ? map->cluster : ClusterId(), NodeId(), Incarnation()});
  to->second->send(std::move(send.message));
}

void Server::perform(control::Probe& probe) {
  const auto address = net::parse_host_port(probe.address);
  const bool trusted = trust_refused_ || (address && address->loopback());
  net::connect(loop_, probe.address, kProbeLimit, kLimits,
               [this, node = probe.node, incarnation = probe.incarnation,
                trusted](const std::expected<net::ConnectionPtr, net::ConnectFailure>& outcome) {
                 const bool refused = !outcome && outcome.error().refused;
                 machine_->on_probed(net::steady_now(), node, incarnation, refused && trusted);
                 run_effects();
               });
}

void Server::perform(control::CoordinatorEvent& event) {
  record({.id = 0,
          .time = net::wall_now(),
          .kind = std::string(control::to_string(event.kind)),
          .node = event.node,
          .detail = event.detail});
  if (event.kind == Kind::node_up) nodes_up_.add(1);
  if (event.kind == Kind::node_down) nodes_up_.add(-1);
  spdlog::log(level_of(event.kind), "event={} node={} epoch={} detail=\"{}\"", control::to_string(event.kind),
              event.node.empty() ? "-" : event.node.str(), epoch_.value(), event.detail);
}

void Server::record(messages::ClusterEvent event) {
  events_.add(std::move(event));
  if (std::exchange(writing_events_, true)) return;
  // At the end of the turn, so that what belongs together is written together.
  loop_.at_turn_end([this] { write_events(); });
}

void Server::write_events() {
  std::string lines = events_.take_unwritten();
  writing_events_ = !lines.empty();
  if (!writing_events_) return;
  submit([this, lines = std::move(lines)] {
    if (const auto written = events_.write(lines); !written) spdlog::warn("{}", written.error().message);
    loop_.post([this] { write_events(); });
  });
}

void Server::submit(net::Task job) {
  const auto submitted = pool_->submit(std::move(job));
  GYRE_ASSERT(submitted);  // the machine has one store operation open at most, the event log one flush
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
