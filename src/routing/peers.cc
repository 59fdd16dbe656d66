#include "routing/peers.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "routing/options.h"

namespace gyre::routing {

namespace {

constexpr std::uint64_t kPlaceBits = 16;
constexpr std::uint64_t kPlaces = std::uint64_t{1} << kPlaceBits;

std::size_t place_of(LinkId id) { return id.value() % kPlaces; }

}  // namespace

PeerIndex Peers::index_of(const std::string& address) {
  const auto [it, added] = by_address_.try_emplace(address, PeerIndex(static_cast<std::uint32_t>(peers_.size())));
  if (added) peers_.emplace_back().address = address;
  return it->second;
}

Result<Peers::Choice> Peers::choose(Instant now, PeerIndex index) {
  Peer& peer = peers_[index.value()];
  const bool before = held_down(peer);
  std::optional<LinkId> fresh;
  if (peer.links.size() < connections_per_peer_ && peer.breaker.allow(now)) fresh = add_link(index);
  show_down(peer, before);
  if (peer.links.empty()) {
    return fail(ErrorCode::unavailable, peer.last_failure);
  }
  // In turn over the open ones; one that is being connected only where none is open.
  for (std::size_t i = 0; i < peer.links.size(); ++i) {
    const LinkId id = peer.links[peer.turn++ % peer.links.size()];
    if (find(id)->open) return Choice{id, fresh};
  }
  return Choice{peer.links[peer.turn % peer.links.size()], fresh};
}

Link* Peers::find(LinkId id) {
  const std::size_t place = place_of(id);
  return place < links_.size() && links_[place].id == id ? &links_[place] : nullptr;
}

void Peers::on_answer(Instant now, Link& link) {
  link.silent_since = kNever;
  link.asked_at = kNever;
  link.heard_at = now;
  Peer& peer = peers_[link.peer.value()];
  const bool before = held_down(peer);
  peer.hung = false;
  peer.breaker.on_success();
  show_down(peer, before);
}

void Peers::on_hung(PeerIndex index) {
  Peer& peer = peers_[index.value()];
  const bool before = held_down(peer);
  peer.hung = true;
  show_down(peer, before);
}

void Peers::on_restarted(PeerIndex index) {
  Peer& peer = peers_[index.value()];
  const bool before = held_down(peer);
  peer.breaker = Breaker();
  peer.hung = false;
  show_down(peer, before);
}

void Peers::on_sent(PeerIndex index) {
  Peer& peer = peers_[index.value()];
  ++peer.outstanding;
  if (!peer.metrics) return;
  peer.metrics->requests.add();
  peer.metrics->outstanding.add(1);
}

void Peers::on_ended(PeerIndex index) {
  Peer& peer = peers_[index.value()];
  --peer.outstanding;
  if (peer.metrics) peer.metrics->outstanding.add(-1);
}

void Peers::on_hedged(PeerIndex index) {
  Peer& peer = peers_[index.value()];
  if (peer.metrics) peer.metrics->hedges.add();
}

void Peers::on_error(PeerIndex index) {
  Peer& peer = peers_[index.value()];
  if (peer.metrics) peer.metrics->errors.add();
}

void Peers::describe(PeerIndex index, const NodeId& node, bool near) {
  Peer& peer = peers_[index.value()];
  peer.near = near;
  if (peer.node == node) return;
  const auto count = [&peer](std::int64_t sign) {
    if (!peer.metrics) return;
    peer.metrics->outstanding.add(sign * peer.outstanding);
    if (held_down(peer)) peer.metrics->breakers_open.add(sign);
  };
  count(-1);  // of the one that had this address before
  peer.node = node;
  peer.weight = weight_of(node);
  peer.metrics.reset();
  if (metrics_ != nullptr && !node.empty()) peer.metrics.emplace(*metrics_, node);
  count(1);
}

void Peers::set_weight(const NodeId& node, double weight) {
  weights_[node] = weight;
  for (Peer& peer : peers_) peer.weight = weight_of(peer.node);
}

double Peers::weight_of(const NodeId& node) const {
  const auto set = weights_.find(node);
  return set == weights_.end() ? 1 : set->second;
}

Link Peers::on_failure(Instant now, LinkId id, const Error& why, Rng& rng) {
  Link* link = find(id);
  GYRE_ASSERT(link);
  Link ended = std::exchange(*link, Link{});
  Peer& peer = peers_[ended.peer.value()];
  const bool before = held_down(peer);
  std::erase(peer.links, id);
  peer.breaker.on_failure(now, rng);
  show_down(peer, before);
  peer.last_failure = why.message;
  return ended;
}

// The average moves an eighth of the way with each answer.
void Peers::on_latency(Instant now, PeerIndex index, Duration latency) {
  Peer& peer = peers_[index.value()];
  peer.latency = peer.latency_at == Instant() ? latency : (decayed(now, peer) * 7 + latency) / 8;
  peer.latency_at = now;
  if (peer.metrics) peer.metrics->latency.record(latency);
}

bool Peers::is_down(PeerIndex index) const {
  const Peer& peer = peers_[index.value()];
  const bool none_open = std::ranges::none_of(peer.links, [&](LinkId id) { return find(id)->open; });
  return peer.hung || (peer.breaker.state() != Breaker::State::closed && none_open);
}

bool Peers::is_silent(Instant now, PeerIndex index) const {
  return std::ranges::any_of(peers_[index.value()].links, [&](LinkId id) {
    const Instant since = find(id)->silent_since;
    return since != kNever && now - since >= kUnansweredMax;
  });
}

void Peers::only_members(const std::vector<PeerIndex>& members) {
  for (std::uint32_t i = 0; i < peers_.size(); ++i) {
    if (std::ranges::find(members, PeerIndex(i)) == members.end()) describe(PeerIndex(i), NodeId(), true);
  }
}

std::optional<std::pair<PeerIndex, LinkId>> Peers::probe(Instant now) {
  for (std::uint32_t i = 0; i < peers_.size(); ++i) {
    Peer& peer = peers_[i];
    const bool before = held_down(peer);
    const bool closed = peer.breaker.state() == Breaker::State::closed;
    if (peer.node.empty() || !peer.links.empty() || closed) continue;
    if (!peer.breaker.allow(now)) continue;
    show_down(peer, before);
    return std::pair{PeerIndex(i), add_link(PeerIndex(i))};
  }
  return std::nullopt;
}

std::vector<PeerIndex> Peers::members() const {
  std::vector<PeerIndex> members;
  for (std::uint32_t i = 0; i < peers_.size(); ++i) {
    if (!peers_[i].node.empty()) members.push_back(PeerIndex(i));
  }
  return members;
}

double Peers::load(PeerIndex index) const {
  const Peer& peer = peers_[index.value()];
  return (peer.outstanding + 1) / peer.weight;
}

Duration Peers::expected(Instant now, PeerIndex index) const {
  const Peer& peer = peers_[index.value()];
  Duration each = std::max(decayed(now, peer), kLatencyMin);
  for (const LinkId id : peer.links) {
    const Instant since = find(id)->silent_since;
    if (since != kNever) each = std::max(each, now - since);
  }
  return each * (peer.outstanding + 1);
}

bool Peers::held_down(const Peer& peer) { return peer.hung || peer.breaker.state() != Breaker::State::closed; }

void Peers::show_down(const Peer& peer, bool before) {
  const bool now = held_down(peer);
  if (peer.metrics && before != now) peer.metrics->breakers_open.add(now ? 1 : -1);
}

Duration Peers::decayed(Instant now, const Peer& peer) {
  const auto halvings = (now - peer.latency_at) / kLatencyHalfLife;
  return Duration(peer.latency.count() >> std::min<std::int64_t>(halvings, 62));
}

LinkId Peers::add_link(PeerIndex peer) {
  auto place = std::ranges::find(links_, LinkId(), &Link::id);
  if (place == links_.end()) place = links_.emplace(links_.end());
  const std::size_t index = static_cast<std::size_t>(place - links_.begin());
  GYRE_ASSERT(index < kPlaces);
  place->id = LinkId(++serial_ * kPlaces + index);
  place->peer = peer;
  peers_[peer.value()].links.push_back(place->id);
  return place->id;
}

}  // namespace gyre::routing
