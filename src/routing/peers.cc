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
  std::optional<LinkId> fresh;
  if (peer.links.size() < connections_per_peer_ && peer.breaker.allow(now)) fresh = add_link(index);
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

void Peers::on_answer(Link& link) {
  link.silent_since = kNever;
  peers_[link.peer.value()].breaker.on_success();
}

Link Peers::on_failure(Instant now, LinkId id, const Error& why, Rng& rng) {
  Link* link = find(id);
  GYRE_ASSERT(link);
  Link ended = std::exchange(*link, Link{});
  Peer& peer = peers_[ended.peer.value()];
  std::erase(peer.links, id);
  peer.breaker.on_failure(now, rng);
  peer.last_failure = why.message;
  return ended;
}

// The average moves an eighth of the way with each answer.
void Peers::on_latency(Instant now, PeerIndex index, Duration latency) {
  Peer& peer = peers_[index.value()];
  peer.latency = peer.latency_at == Instant() ? latency : (decayed(now, peer) * 7 + latency) / 8;
  peer.latency_at = now;
}

Duration Peers::expected(Instant now, PeerIndex index) const {
  const Peer& peer = peers_[index.value()];
  if (peer.links.empty() && peer.breaker.state() != Breaker::State::closed) return Duration::max();
  Duration each = std::max(decayed(now, peer), kLatencyMin);
  for (const LinkId id : peer.links) {
    const Instant since = find(id)->silent_since;
    if (since != kNever) each = std::max(each, now - since);
  }
  return each * (peer.outstanding + 1);
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
