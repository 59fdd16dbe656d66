// The machine that routes the calls of one client: writes to the primary of each key's partition, reads to a member
// that is fresh enough, again where a failure allows it, and to an answer before each deadline. Pure: it asks its host
// to connect and send.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/rng.h"
#include "gyre/result.h"
#include "messages/request.h"
#include "routing/call_table.h"
#include "routing/hedges.h"
#include "routing/map_cache.h"
#include "routing/options.h"
#include "routing/peers.h"
#include "routing/retry.h"
#include "routing/routes.h"
#include "routing/session.h"
#include "routing/timer_heap.h"
#include "routing/write_ids.h"

namespace gyre::routing {

struct Call {
  // Get, Write (of at least one operation) or Scan; or Map, which completes once a map newer than `known` is there.
  // What a session has seen, and the id of a write that has none, are filled in by the dispatcher.
  messages::RequestBody body;
  Instant deadline;
  std::uint64_t affinity = 0;  // of whom it is, where reads stick to members
  // What its own session has seen of the partition: that session is told of losses by the answer, and nothing is filled
  // in. None: the session is the dispatcher's.
  std::optional<Position> seen = {};
};

// What the host must do, in this order.
struct Connect {  // then report on_connected or on_connect_failed, once
  LinkId link;
  std::string address;
};
struct Disconnect {  // and report nothing more about the link
  LinkId link;
};
struct Send {
  LinkId link;
  messages::Request request;
};
struct Complete {  // exactly once for each call
  CallId call;
  Result<messages::ResponseBody> result;  // never holds an Error inside the body; a Get of an absent key has no record
};
// Besides these, `Lost`: tell the caller.
using Effect = std::variant<Connect, Disconnect, Send, Complete, Lost>;

// Owned by one event loop (or a simulated client). A call is parked (waits), queued (for a connection) or sent.
//
// Reads of level session, bounded and any go to the in-sync members; one that fails is followed by another, at last the
// primary, and one that is slow may be hedged: two attempts are open then, and the first answer counts. Everything else
// goes to the primary. All calls of a dispatcher are one session, but those that bring their own.
//
// INVARIANT 1: every call completes exactly once, at its deadline at the latest if on_deadline() is called in time.
// INVARIANT 2: all attempts of a write carry the same id, unless every one before was surely not applied; it fails with
//              "surely not applied" only if all of them were.
// INVARIANT 3: each call has one timer; a sent or queued call names a link that has not ended, and so does its hedge.
// INVARIANT 4: a partition whose primary is known is being asked, or about to be, while the session is unsure of a
//              write there. Such questions are calls of nobody's.
class Dispatcher {
 public:
  explicit Dispatcher(DispatcherOptions options);

  // Beyond calls_in_flight_max the call completes with `busy`.
  void on_call(Instant now, CallId id, Call call);
  void on_connected(Instant now, LinkId link);
  void on_connect_failed(Instant now, LinkId link, const Error& why);
  // The link is gone; what was sent on it may or may not have arrived.
  void on_connection_lost(Instant now, LinkId link, const Error& why);
  void on_response(Instant now, LinkId link, messages::Response response);
  // A map learnt otherwise than by our own question. An older one or another cluster's is ignored.
  void on_map(Instant now, ring::ClusterMapPtr map) { install(now, {std::move(map), nullptr}); }
  void on_deadline(Instant now);
  // Completes every call: `unavailable`, or `outcome_unknown` for writes that were sent.
  void on_shutdown();

  // What the session has seen, as text. REQUIRES: map().
  std::string session_token() const;
  // Adds what `token` has seen. REQUIRES: map(). ERRORS: invalid_argument, wrong_cluster.
  Result<void> resume_session(std::string_view token);
  void reset_session() { session_.reset(); }
  // See Peers::set_weight().
  void set_weight(const NodeId& member, double weight) { peers_.set_weight(member, weight); }

  Instant next_deadline() const;
  std::vector<Effect> take_effects() { return std::exchange(effects_, {}); }
  void check_invariants() const;

  // Null before the first.
  const ring::ClusterMapPtr& map() const { return maps_.current(); }
  std::size_t calls_in_flight() const { return calls_.size(); }

 private:
  void route(Instant now, CallSlot slot);
  Route target(Instant now, const PendingCall& call);
  void await_map(Instant now, CallSlot slot);
  bool may_send(Instant now, CallSlot slot);
  void attempt(Instant now, CallSlot slot, const Route& to);
  void send(Instant now, CallSlot slot, Link& link);
  void fill_in(Instant now, PendingCall& call);
  void name(Instant now, PendingCall& call, messages::WriteRequest& write);
  void park(Instant now, CallSlot slot, Duration pause, bool wakes_on_map);
  void end_attempt(PendingCall& call);
  void plan_hedge(Instant now, CallSlot slot);
  void send_hedge(Instant now, CallSlot slot);
  void drop_hedge(PendingCall& call);
  void go_on_with_hedge(PendingCall& call);
  void complete(CallSlot slot, Result<messages::ResponseBody> result);

  void on_latency(Instant now, const PendingCall& call, bool by_hedge);
  bool fail_one_of_two(PendingCall& call, bool hedge, Error&& why);
  void on_answered(Instant now, CallSlot slot, messages::ResponseBody body);
  void note(Instant now, const PendingCall& call, const messages::ResponseBody& body);
  void on_attempt_failed(Instant now, CallSlot slot, Error why);
  bool try_another_member(Instant now, CallSlot slot, Error& why);
  Duration pause_after(PendingCall& call, const Error& why);
  void on_session_lost(Instant now, CallSlot slot, Error why);
  void on_timer(Instant now, CallSlot slot);
  void on_stalled(Instant now, CallSlot slot);
  static bool is_forgotten(Instant now, const PendingCall& call);
  bool has_moved(const PendingCall& call) const;
  bool can_turn(const PendingCall& call) const;
  void turn(Instant now, CallSlot slot);
  void expire(Instant now, CallSlot slot);
  void fail_call(CallSlot slot, Error why);
  void end_link(Instant now, LinkId link, const Error& why);

  void ask_for_map(Instant now);
  RequestId send_map_question(Instant now, Link& link);
  void on_question_answered(Instant now, const messages::ResponseBody& body);
  void install(Instant now, const ring::MapUpdate& update);
  void adopt_map(Instant now);
  void reroute_calls(Instant now);

  void settle(Instant now);
  void probe(Instant now);
  void check_health(Instant now);
  void check_health(Instant now, LinkId link);
  void give_up_if_silent(Instant now, LinkId link);
  void give_up(Instant now, LinkId link);
  void want_check(PartitionId partition, bool again = false);
  void start_checks(Instant now);
  void start_check(Instant now, PartitionId partition, Duration pause);
  void end_check(const PendingCall& check);
  Duration check_pause(bool again);

  DispatcherOptions options_;
  Rng rng_;
  MapCache maps_;
  Peers peers_;
  RetryBudget budget_;
  Hedges hedges_;
  WriteIds ids_;
  Session session_;
  CallTable calls_;
  TimerHeap timers_;  // by CallSlot
  Routes routes_;  // empty before the first map
  struct DueCheck {
    PartitionId partition;
    bool again;  // the one before told nothing
  };
  std::deque<DueCheck> due_checks_;  // wait for the end of the event, and for room among the calls
  LinkId question_link_;  // carries the open question for the map; 0: none
  Instant probe_at_{};  // when it is looked for members to try again
  Instant check_health_at_;  // never: it is not checked
  RequestId question_;  // its id once it was sent; else 0
  std::vector<Effect> effects_;
};

}  // namespace gyre::routing
