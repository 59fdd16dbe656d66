#include "node/peer_links.h"

#include <utility>

#include "base/limits.h"
#include "net/address.h"
#include "node/options.h"

namespace gyre::node {

namespace {

// Between attempts to reach a node that is away. A refusal counts as a lease given, so it has to be renewed well
// within one.
constexpr auto kRetry = std::chrono::milliseconds(50);
// A node that takes nothing for long gets nothing more, not even the heartbeats that go beyond kPeerBacklogBytesMax.
constexpr std::size_t kOutputBytesMax = 2 * limits::kPeerBacklogBytesMax;

bool is_loopback(const std::string& address) {
  const auto parsed = net::parse_host_port(address);
  return parsed && parsed->loopback();
}

}  // namespace

// Of one connection. Nothing is expected to come back on it.
class PeerLinks::Handler : public net::ConnectionHandler {
 public:
  Handler(std::weak_ptr<PeerLinks> links, NodeId node, std::uint64_t attempt)
      : links_(std::move(links)), node_(std::move(node)), attempt_(attempt) {}

  void on_frame(messages::Frame) override {}
  void on_closed(const Error&) override {
    if (const auto links = links_.lock()) links->on_lost(node_, attempt_);
  }

 private:
  std::weak_ptr<PeerLinks> links_;
  NodeId node_;
  std::uint64_t attempt_;
};

PeerLinks::PeerLinks(net::Loop& loop, PeerLinksOptions options, OnRefused on_refused)
    : loop_(loop), options_(std::move(options)), on_refused_(std::move(on_refused)) {}

void PeerLinks::on_map(const ring::ClusterMapPtr& map) {
  if (stopped_) return;
  cluster_ = map->cluster;
  for (auto peer = peers_.begin(); peer != peers_.end();) {
    const bool gone = map->find_node(peer->first) == nullptr;
    if (gone) drop(peer->second);
    peer = gone ? peers_.erase(peer) : std::next(peer);
  }
  for (const ring::NodeInfo& node : map->nodes) {
    if (node.id == options_.self) continue;
    Peer& peer = peers_[node.id];
    const bool is_new_process = peer.incarnation != node.incarnation;
    peer.incarnation = node.incarnation;
    if (peer.address == node.addresses.native && !(is_new_process && peer.connection == nullptr)) continue;
    peer.address = node.addresses.native;
    drop(peer);
    connect(node.id);
  }
}

void PeerLinks::send(const NodeId& to, messages::Message message) {
  const auto peer = peers_.find(to);
  if (peer == peers_.end() || peer->second.connection == nullptr) return;
  if (peer->second.connection->output_bytes() <= kOutputBytesMax) peer->second.connection->send(std::move(message));
}

std::size_t PeerLinks::backlog(const NodeId& to) const {
  const auto peer = peers_.find(to);
  return peer != peers_.end() && peer->second.connection ? peer->second.connection->output_bytes() : 0;
}

void PeerLinks::stop() {
  stopped_ = true;
  for (auto& [node, peer] : peers_) drop(peer);
  peers_.clear();
}

void PeerLinks::connect(const NodeId& node) {
  Peer& peer = peers_.at(node);
  peer.attempt = ++attempts_;
  net::connect(loop_, peer.address, kConnectLimit, options_.limits,
               [weak = weak_from_this(), node, attempt = peer.attempt, incarnation = peer.incarnation,
                tried_at = net::steady_now()](std::expected<net::ConnectionPtr, net::ConnectFailure> connection) {
                 const auto self = weak.lock();
                 if (!self) return;
                 if (connection) return self->on_connected(node, attempt, *std::move(connection));
                 self->on_failed(node, attempt, incarnation, tried_at, connection.error().refused);
               });
}

void PeerLinks::on_connected(const NodeId& node, std::uint64_t attempt, net::ConnectionPtr connection) {
  Peer* peer = find(node, attempt);
  if (peer == nullptr) return;  // closes it
  peer->connection = std::move(connection);
  peer->connected_at = net::steady_now();
  peer->connection->set_sender({cluster_, options_.self, options_.incarnation});
  peer->connection->set_faults(options_.faults, node.str());
  peer->connection->start(std::make_shared<Handler>(weak_from_this(), node, attempt));
}

// `incarnation`: of the process that was known at the address when the attempt began.
void PeerLinks::on_failed(const NodeId& node, std::uint64_t attempt, Incarnation incarnation, Instant tried_at,
                          bool refused) {
  Peer* peer = find(node, attempt);
  if (peer == nullptr) return;
  if (refused && (options_.trust_refused || is_loopback(peer->address))) {
    on_refused_(node, incarnation, tried_at);
  }
  connect_later(node, attempt);
}

// Tried again at once: whether it is refused tells a dead process from a lost connection. (But a node that closes every
// connection is not asked all the time.)
void PeerLinks::on_lost(const NodeId& node, std::uint64_t attempt) {
  Peer* peer = find(node, attempt);
  if (peer == nullptr) return;
  peer->connection = nullptr;
  if (net::steady_now() - peer->connected_at < kRetry) return connect_later(node, attempt);
  connect(node);
}

void PeerLinks::connect_later(const NodeId& node, std::uint64_t attempt) {
  loop_.after(kRetry, [weak = weak_from_this(), node, attempt] {
    const auto self = weak.lock();
    if (self && self->find(node, attempt)) self->connect(node);
  });
}

void PeerLinks::drop(Peer& peer) {
  peer.attempt = 0;
  if (const auto connection = std::exchange(peer.connection, nullptr)) {
    connection->close({ErrorCode::unavailable, Outcome::not_applied, "this node needs the connection no more", {}});
  }
}

PeerLinks::Peer* PeerLinks::find(const NodeId& node, std::uint64_t attempt) {
  const auto peer = peers_.find(node);
  return !stopped_ && peer != peers_.end() && peer->second.attempt == attempt ? &peer->second : nullptr;
}

}  // namespace gyre::node
