// The addresses we talk to, the connections to each, and which of them takes the next request.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "gyre/result.h"
#include "routing/breaker.h"
#include "routing/ids.h"

namespace gyre::routing {

struct Link {
  LinkId id;
  PeerIndex peer = kNoPeer;
  bool open = false;               // else: being connected
  Instant silent_since = kNever;   // when a request was sent after the last answer
  std::vector<CallSlot> waiting;   // calls to send once it is open; may name calls that no longer wait
};

// Owned by a dispatcher. Links live in a small table; an id holds the place in its low bits.
class Peers {
 public:
  explicit Peers(std::uint32_t connections_per_peer) : connections_per_peer_(connections_per_peer) {}

  PeerIndex index_of(const std::string& address);
  const std::string& address(PeerIndex peer) const { return peers_[peer.value()].address; }

  // Which link takes the next request, and the connection to start now, if any (it may be the same link).
  struct Choice {
    LinkId link;
    std::optional<LinkId> connect;
  };
  // ERRORS: unavailable (the breaker is open; says what happened last).
  Result<Choice> choose(Instant now, PeerIndex peer);

  // Null: that link has ended.
  Link* find(LinkId id);
  const Link* find(LinkId id) const { return const_cast<Peers*>(this)->find(id); }
  // The link answered: its peer is well.
  void on_answer(Link& link);
  // Another process has taken this address: what is known of the one before means nothing.
  void on_restarted(PeerIndex peer) { peers_[peer.value()].breaker = Breaker(); }
  // A request was sent, and its end: answered or given up.
  void on_sent(PeerIndex peer) { ++peers_[peer.value()].outstanding; }
  void on_ended(PeerIndex peer) { --peers_[peer.value()].outstanding; }
  void on_latency(Instant now, PeerIndex peer, Duration latency);
  // How long a read sent now would take there, by what is open and how long answers took; the longest: it is down.
  Duration expected(Instant now, PeerIndex peer) const;
  // Ends the link as a failure of its peer, and gives it.
  Link on_failure(Instant now, LinkId id, const Error& why, Rng& rng);

 private:
  struct Peer {
    std::string address;
    Breaker breaker;
    std::vector<LinkId> links;
    std::uint32_t turn = 0;
    std::string last_failure;
    std::uint32_t outstanding = 0;
    Duration latency{0};  // as of `latency_at`
    Instant latency_at{};
  };
  static Duration decayed(Instant now, const Peer& peer);
  LinkId add_link(PeerIndex peer);

  std::uint32_t connections_per_peer_;
  std::map<std::string, PeerIndex> by_address_;
  std::vector<Peer> peers_;
  std::vector<Link> links_;  // id 0: a free place
  std::uint64_t serial_ = 0;
};

}  // namespace gyre::routing
