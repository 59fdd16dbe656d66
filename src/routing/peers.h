// The addresses we talk to, the connections to each, and which of them takes the next request.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "gyre/result.h"
#include "routing/breaker.h"
#include "routing/ids.h"
#include "routing/peer_metrics.h"

namespace gyre::routing {

struct Link {
  LinkId id;
  PeerIndex peer = kNoPeer;
  bool open = false;               // else: being connected
  Instant silent_since = kNever;   // when a request was sent after the last answer
  Instant heard_at;                // the last answer; the epoch: there was none
  Instant asked_at = kNever;       // when it was asked, after the last answer, whether its peer is well
  std::vector<CallSlot> waiting;   // calls to send once it is open; may name calls that no longer wait
};

// Owned by a dispatcher. Links live in a small table; an id holds the place in its low bits.
class Peers {
 public:
  explicit Peers(std::uint32_t connections_per_peer, MetricsRegistry* metrics = nullptr)
      : connections_per_peer_(connections_per_peer), metrics_(metrics) {}

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
  void on_answer(Instant now, Link& link);
  // Another process has taken this address: what is known of the one before means nothing.
  void on_restarted(PeerIndex peer);
  // A request was sent, and its end: answered or given up.
  void on_sent(PeerIndex peer);
  void on_ended(PeerIndex peer);
  // What was sent is a hedge.
  void on_hedged(PeerIndex peer);
  // Its end was no answer, or an error.
  void on_error(PeerIndex peer);
  void on_latency(Instant now, PeerIndex peer, Duration latency);
  // Which member it is, by the newest map.
  void describe(PeerIndex peer, const NodeId& node, bool near);
  // All others are no members any more: nothing is counted of them.
  void only_members(const std::vector<PeerIndex>& members);
  // A member that is down, and may be tried again now: with the connection to start. Nobody waits for it.
  std::optional<std::pair<PeerIndex, LinkId>> probe(Instant now);
  // Members by the newest map.
  std::vector<PeerIndex> members() const;
  const std::vector<LinkId>& links(PeerIndex peer) const { return peers_[peer.value()].links; }
  // It leaves unanswered whether it is well, until it answers anything. Only for who goes on asking.
  void on_hung(PeerIndex peer);
  // How much of the reads a member takes beside others, which take 1; 0: none while there are others. Also of a member
  // that is not known yet. REQUIRES: weight >= 0.
  void set_weight(const NodeId& node, double weight);

  // It has no open connection, and the last attempts at one failed; or it takes connections and answers nothing.
  bool is_down(PeerIndex peer) const;
  // It owes an answer for kUnansweredMax.
  bool is_silent(Instant now, PeerIndex peer) const;
  bool is_near(PeerIndex peer) const { return peers_[peer.value()].near; }
  double weight(PeerIndex peer) const { return peers_[peer.value()].weight; }
  std::uint32_t outstanding(PeerIndex peer) const { return peers_[peer.value()].outstanding; }
  std::size_t size() const { return peers_.size(); }
  // Open calls, by what it takes beside others; infinite where that is nothing.
  double load(PeerIndex peer) const;
  // How long a read sent now would take there, by what is open and how long answers took.
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
    NodeId node;  // empty: nobody said
    bool near = true;
    double weight = 1;
    std::optional<PeerMetrics> metrics;
    std::uint32_t outstanding = 0;
    Duration latency{0};  // as of `latency_at`
    Instant latency_at{};
    bool hung = false;
  };
  static Duration decayed(Instant now, const Peer& peer);
  static bool held_down(const Peer& peer);
  static void show_down(const Peer& peer, bool before);
  double weight_of(const NodeId& node) const;
  LinkId add_link(PeerIndex peer);

  std::uint32_t connections_per_peer_;
  MetricsRegistry* metrics_;  // null: nothing is counted
  std::map<NodeId, double> weights_;  // where another than 1
  std::map<std::string, PeerIndex> by_address_;
  std::vector<Peer> peers_;
  std::vector<Link> links_;  // id 0: a free place
  std::uint64_t serial_ = 0;
};

}  // namespace gyre::routing
