#include "routing/dispatcher.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"
#include "routing/target.h"

namespace gyre::routing {

namespace {

DispatcherOptions checked(DispatcherOptions options) {
  options.connections_per_node = std::max(options.connections_per_node, 1U);
  options.calls_in_flight_max = std::min(options.calls_in_flight_max, kCallSlotsMax);
  return options;
}

ClientId random_client(Rng& rng) { return ClientId(std::max<std::uint64_t>(rng.next(), 1)); }

}  // namespace

Dispatcher::Dispatcher(DispatcherOptions options)
    : options_(checked(std::move(options))),
      rng_(options_.random_seed),
      maps_(options_.seeds, Rng(rng_.next())),
      peers_(options_.connections_per_node, options_.metrics),
      budget_(options_.retry_budget),
      hedges_(options_.hedge_budget),
      ids_(random_client(rng_)),
      check_health_at_(options_.checks_health ? Instant() : kNever) {}

void Dispatcher::on_call(Instant now, CallId id, Call call) {
  GYRE_ASSERT(has_partition(call.body) || std::holds_alternative<messages::MapRequest>(call.body));
  if (calls_.size() >= options_.calls_in_flight_max) {
    effects_.push_back(Complete{id, fail(ErrorCode::busy, fmt::format("{} calls are in flight already; wait for some",
                                                                      options_.calls_in_flight_max))});
    return;
  }
  budget_.on_call();
  const CallSlot slot = calls_.add(PendingCall{
      .id = id, .body = std::move(call.body), .deadline = call.deadline, .affinity = call.affinity, .seen = call.seen});
  if (const auto* write = std::get_if<messages::WriteRequest>(&calls_[slot].body)) {
    calls_[slot].own_id = !write->id.given();
    calls_[slot].age_given = write->age;
    // A retry: what its caller sent before may be applied, and grows older here, too.
    calls_[slot].maybe_applied = write->age > Duration(0);
    calls_[slot].unsure_since = now;
  }
  if (now >= call.deadline) return expire(now, slot);
  route(now, slot);
  ask_for_map(now);
}

void Dispatcher::on_connected(Instant now, LinkId id) {
  Link* link = peers_.find(id);
  if (!link) return;
  link->open = true;
  if (id == question_link_) question_ = send_map_question(now, *link);
  for (const CallSlot slot : std::exchange(link->waiting, {})) {
    if (calls_[slot].state == CallState::queued && calls_[slot].link == id) send(now, slot, *link);
  }
}

void Dispatcher::on_connect_failed(Instant now, LinkId link, const Error& why) {
  end_link(now, link, why);
  settle(now);
}

void Dispatcher::on_connection_lost(Instant now, LinkId link, const Error& why) {
  end_link(now, link, why);
  settle(now);
}

void Dispatcher::on_response(Instant now, LinkId id, messages::Response response) {
  Link* link = peers_.find(id);
  if (!link) return;
  peers_.on_answer(now, *link);
  if (response.epoch > maps_.epoch()) {
    maps_.on_newer_seen(now, response.epoch, peers_.address(link->peer), std::holds_alternative<Error>(response.body));
  }
  const auto* map = std::get_if<messages::MapResponse>(&response.body);
  if (question_ != RequestId() && response.id == question_) {
    on_question_answered(now, response.body);
  } else if (map) {  // late: the question was given up
    install(now, map->update);
  } else if (const auto slot = calls_.find(response.id)) {
    PendingCall& call = calls_[*slot];
    const bool by_hedge = response.id == call.hedge.request;
    if (auto* error = std::get_if<Error>(&response.body)) {
      peers_.on_error(link->peer);
      if (!fail_one_of_two(call, by_hedge, std::move(*error))) {
        end_attempt(call);
        on_attempt_failed(now, *slot, std::move(*error));
      }
    } else {
      on_latency(now, call, by_hedge);
      end_attempt(call);
      on_answered(now, *slot, std::move(response.body));
    }
  }
  settle(now);
}

void Dispatcher::on_deadline(Instant now) {
  while (timers_.next() <= now) on_timer(now, CallSlot(timers_.pop()));
  settle(now);
}

void Dispatcher::on_shutdown() {
  for (std::uint32_t i = 0; i < calls_.slots(); ++i) {
    const PendingCall& call = calls_[CallSlot(i)];
    if (call.state == CallState::free) continue;
    if (call.is_write() && (call.state == CallState::sent || call.maybe_applied)) {
      complete(CallSlot(i),
               fail(ErrorCode::outcome_unknown, "the client was closed before the answer came", Outcome::unknown));
    } else {
      complete(CallSlot(i), fail(ErrorCode::unavailable, "the client was closed before the call was served"));
    }
  }
  due_checks_.clear();
}

std::string Dispatcher::session_token() const { return to_string(session_.token(map()->cluster)); }

Result<void> Dispatcher::resume_session(std::string_view token) {
  GYRE_TRY_SET(const SessionToken parsed, parse_session_token(token));
  return session_.resume(map()->cluster, parsed);
}

Instant Dispatcher::next_deadline() const {
  return std::min({timers_.next(), maps_.next_deadline(), check_health_at_});
}

void Dispatcher::route(Instant now, CallSlot slot) {
  PendingCall& call = calls_[slot];
  if (std::holds_alternative<messages::MapRequest>(call.body) || !map()) return await_map(now, slot);
  if (!call.partition) {
    const auto partition = partition_of(call.body, map()->partitioning());
    if (!partition) return complete(slot, fail(partition.error()));
    call.partition = *partition;
  }
  const auto* read = read_of(call.body);
  if (read && read->level == messages::ReadLevel::session && !call.seen && session_.take_loss(*call.partition)) {
    return complete(slot, fail(ErrorCode::session_lost,
                               fmt::format("a failover of partition {} took back some of what this session has seen; "
                                           "it goes on from what survived",
                                           call.partition->value())));
  }
  const Route to = target(now, call);
  if (to.peer == kNoPeer) {
    return on_attempt_failed(now, slot,
                             Error{ErrorCode::unavailable,
                                   Outcome::not_applied,
                                   fmt::format("partition {} has no primary now", call.partition->value()),
                                   {}});
  }
  attempt(now, slot, to);
}

// Where a member has just said that it is behind, or is likely to be, the primary is the next to ask.
Route Dispatcher::target(Instant now, const PendingCall& call) {
  PartitionRoute& route = routes_[*call.partition];
  if (!may_spread(call.body)) return route.primary;
  const bool wrote = read_of(call.body)->level == messages::ReadLevel::session && now - route.wrote_at < kUsualLag;
  const bool was_behind = call.tried != 0 && call.last_error.code == ErrorCode::behind;
  const bool primary_untried = (route.bit_of(route.primary.peer) & ~call.tried) != 0;
  if ((wrote || was_behind) && primary_untried) return route.primary;
  return {choose_member(now, route, call.tried, peers_, options_.read_policy, call.affinity, rng_), route.primary.term};
}

void Dispatcher::await_map(Instant now, CallSlot slot) {
  const auto* wanted = std::get_if<messages::MapRequest>(&calls_[slot].body);
  if (wanted && map() && maps_.epoch() > wanted->known) return complete(slot, messages::MapResponse{{map(), nullptr}});
  maps_.want(now, {});
  park(now, slot, kMapAskGap, true);
}

void Dispatcher::attempt(Instant now, CallSlot slot, const Route& to) {
  PendingCall& call = calls_[slot];
  call.to = to;
  end_attempt(call);
  const auto choice = peers_.choose(now, to.peer);
  if (!choice) return on_attempt_failed(now, slot, choice.error());
  if (choice->connect) effects_.push_back(Connect{*choice->connect, peers_.address(to.peer)});
  call.link = choice->link;
  timers_.set(slot.value(), std::min(call.deadline, now + kUnansweredMax));
  Link& link = *peers_.find(choice->link);
  call.state = CallState::queued;
  if (link.open) return send(now, slot, link);
  link.waiting.push_back(slot);
}

// The first sending is free, and so is one to another node or under another term: it cannot repeat for long. Others
// draw on the budget, except while a new primary may still be about to serve. Where that is spent, a call waits for a
// better moment, unless it is overload that made it fail.
bool Dispatcher::may_send(Instant now, CallSlot slot) {
  PendingCall& call = calls_[slot];
  if (is_forgotten(now, call)) {
    fail_call(slot,
              Error{ErrorCode::outcome_unknown,
                    Outcome::unknown,
                    fmt::format("no member could say in time whether it was applied; {}", call.last_error.message),
                    {}});
    return false;
  }
  const bool again = std::exchange(call.pays, false) || call.to == call.sent_to;
  const bool overload = call.last_error.code == ErrorCode::busy;
  const bool new_primary = !overload && now - routes_[*call.partition].since < kNewPrimaryGrace;
  const bool spent = call.sendings > options_.retries_max;
  if (!spent && (call.sendings == 0 || !again || new_primary || budget_.take())) return true;
  if (!spent && !overload) {
    park(now, slot, backoff(call.pauses++, rng_), true);
    return false;
  }
  call.last_error.message += spent ? fmt::format(" (after {} attempts)", call.sendings)
                                   : " (not tried again: too many calls are being retried)";
  fail_call(slot, std::move(call.last_error));
  return false;
}

void Dispatcher::send(Instant now, CallSlot slot, Link& link) {
  if (!may_send(now, slot)) return;
  PendingCall& call = calls_[slot];
  call.state = CallState::sent;
  ++call.sendings;
  call.sent_to = call.to;
  call.sent_at = now;
  fill_in(now, call);
  if (link.silent_since == kNever) link.silent_since = now;
  peers_.on_sent(link.peer);
  effects_.push_back(
      Send{link.id, messages::Request{calls_.open_attempt(slot), call.deadline - now, maps_.epoch(), call.body}});
  if (hedges_.enabled() && may_spread(call.body)) plan_hedge(now, slot);
}

// What a request carries of this client's state.
void Dispatcher::fill_in(Instant now, PendingCall& call) {
  if (call.id != kNobody) call.asked = call.seen.value_or(session_.seen(*call.partition));
  if (auto* read = read_of(call.body)) read->seen = call.asked;
  if (auto* write = std::get_if<messages::WriteRequest>(&call.body)) {
    write->seen = call.asked;
    name(now, call, *write);
  }
}

// An id is known to the members for kWriteIdLife only. A write that was surely not applied takes a fresh one in time,
// so that the lowest open one goes on.
void Dispatcher::name(Instant now, PendingCall& call, messages::WriteRequest& write) {
  if (call.sendings == 1) call.named_at = now;
  if (call.own_id) {
    const bool old = write.id.given() && !call.maybe_applied && now - call.named_at > limits::kWriteIdLife / 2;
    if (old) ids_.close(write.id);
    if (old || !write.id.given()) {
      write.id = ids_.open();
      call.named_at = now;
    }
    write.lowest_open = ids_.lowest_open();
  }
  // Of a sending that was surely not applied there is nothing to be repeated.
  if (!call.maybe_applied) call.unsure_since = now;
  write.age = call.age_given + (now - call.unsure_since);
}

void Dispatcher::park(Instant now, CallSlot slot, Duration pause, bool wakes_on_map) {
  PendingCall& call = calls_[slot];
  end_attempt(call);
  call.state = CallState::parked;
  call.wakes_on_map = wakes_on_map;
  timers_.set(slot.value(), std::min(call.deadline, now + pause));
}

void Dispatcher::end_attempt(PendingCall& call) {
  call.hedge_at = kNever;
  if (call.hedge.open()) drop_hedge(call);
  if (std::exchange(call.request, RequestId()) != RequestId()) peers_.on_ended(call.sent_to.peer);
}

// --- Hedges ---

void Dispatcher::plan_hedge(Instant now, CallSlot slot) {
  PendingCall& call = calls_[slot];
  hedges_.on_read();
  const PartitionRoute& route = routes_[*call.partition];
  const auto delay = hedges_.delay();
  if (!delay || !route.has_untried(call.tried | route.bit_of(call.to.peer))) return;
  call.hedge_at = now + *delay;
  timers_.set(slot.value(), std::min({call.deadline, call.hedge_at, now + kUnansweredMax}));
}

// Over a connection that is open already: to open one takes longer than the answer that is awaited.
void Dispatcher::send_hedge(Instant now, CallSlot slot) {
  PendingCall& call = calls_[slot];
  call.hedge_at = kNever;
  timers_.set(slot.value(), std::min(call.deadline, call.sent_at + kUnansweredMax));
  PartitionRoute& route = routes_[*call.partition];
  const std::uint32_t tried = call.tried | route.bit_of(call.to.peer);
  const PeerIndex peer = choose_member(now, route, tried, peers_, ReadPolicy::latency, 0, rng_);
  if (peer == kNoPeer || peers_.is_down(peer)) return;
  const auto choice = peers_.choose(now, peer);
  if (!choice) return;
  if (choice->connect) effects_.push_back(Connect{*choice->connect, peers_.address(peer)});
  Link& link = *peers_.find(choice->link);
  if (!link.open || !hedges_.take()) return;
  if (link.silent_since == kNever) link.silent_since = now;
  call.hedge = {.request = {}, .link = link.id, .peer = peer, .sent_at = now};
  peers_.on_sent(peer);
  peers_.on_hedged(peer);
  effects_.push_back(
      Send{link.id, messages::Request{calls_.open_hedge(slot), call.deadline - now, maps_.epoch(), call.body}});
}

void Dispatcher::drop_hedge(PendingCall& call) { peers_.on_ended(std::exchange(call.hedge, {}).peer); }

// The first attempt failed.
void Dispatcher::go_on_with_hedge(PendingCall& call) {
  peers_.on_ended(call.sent_to.peer);
  const Hedge hedge = std::exchange(call.hedge, {});
  call.to.peer = hedge.peer;
  call.sent_to = call.to;
  call.link = hedge.link;
  call.request = hedge.request;
  call.sent_at = hedge.sent_at;
}

void Dispatcher::complete(CallSlot slot, Result<messages::ResponseBody> result) {
  PendingCall& call = calls_[slot];
  end_attempt(call);
  timers_.cancel(slot.value());
  if (const auto* write = std::get_if<messages::WriteRequest>(&call.body); write && call.own_id && write->id.given()) {
    ids_.close(write->id);
  }
  if (call.id == kNobody) {
    end_check(call);
  } else {
    effects_.push_back(Complete{call.id, std::move(result)});
  }
  calls_.remove(slot);
}

void Dispatcher::check_invariants() const {
  GYRE_ASSERT(timers_.size() == calls_.size());
  std::vector<std::uint32_t> open(peers_.size());
  GYRE_ASSERT(calls_.size() <= options_.calls_in_flight_max);
  for (std::uint32_t i = 0; i < calls_.slots(); ++i) {
    const PendingCall& call = calls_[CallSlot(i)];
    GYRE_ASSERT(timers_.armed(i) == (call.state != CallState::free));
    GYRE_ASSERT((call.request != RequestId()) == (call.state == CallState::sent));
    if (call.hedge.open()) {
      const Link* link = peers_.find(call.hedge.link);
      GYRE_ASSERT(call.state == CallState::sent && link && link->open && link->peer == call.hedge.peer);
      ++open[call.hedge.peer.value()];
    }
    if (call.state != CallState::queued && call.state != CallState::sent) continue;
    const Link* link = peers_.find(call.link);
    GYRE_ASSERT(link && link->peer == call.to.peer);
    GYRE_ASSERT(link->open == (call.state == CallState::sent));
    if (call.state == CallState::sent) ++open[call.to.peer.value()];
  }
  for (std::uint32_t i = 0; i < open.size(); ++i) GYRE_ASSERT(peers_.outstanding(PeerIndex(i)) == open[i]);
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    const PartitionRoute& route = routes_[partition];
    GYRE_ASSERT(route.checking || !session_.unsure(partition, route.primary.term));
  }
}

}  // namespace gyre::routing
