#include "routing/dispatcher.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "routing/target.h"

namespace gyre::routing {

namespace {

DispatcherOptions checked(DispatcherOptions options) {
  options.connections_per_node = std::max(options.connections_per_node, 1U);
  options.calls_in_flight_max = std::min(options.calls_in_flight_max, kCallSlotsMax);
  return options;
}

}  // namespace

Dispatcher::Dispatcher(DispatcherOptions options)
    : options_(checked(std::move(options))),
      rng_(options_.random_seed),
      maps_(options_.seeds, Rng(rng_.next())),
      peers_(options_.connections_per_node),
      budget_(options_.retry_budget) {}

void Dispatcher::on_call(Instant now, CallId id, Call call) {
  GYRE_ASSERT(has_partition(call.body) || std::holds_alternative<messages::MapRequest>(call.body));
  if (calls_.size() >= options_.calls_in_flight_max) {
    effects_.push_back(Complete{id, fail(ErrorCode::busy, fmt::format("{} calls are in flight already; wait for some",
                                                                      options_.calls_in_flight_max))});
    return;
  }
  budget_.on_call();
  const CallSlot slot = calls_.add(PendingCall{.id = id, .body = std::move(call.body), .deadline = call.deadline});
  if (now >= call.deadline) return expire(now, slot);
  route(now, slot);
  ask_for_map(now);
}

void Dispatcher::on_connected(Instant now, LinkId id) {
  Link* link = peers_.find(id);
  if (!link) return;
  link->open = true;
  if (id == question_link_) send_map_question(now, *link);
  for (const CallSlot slot : std::exchange(link->waiting, {})) {
    if (calls_[slot].state == CallState::queued && calls_[slot].link == id) send(now, slot, *link);
  }
}

void Dispatcher::on_connect_failed(Instant now, LinkId link, const Error& why) {
  end_link(now, link, why);
  ask_for_map(now);
}

void Dispatcher::on_connection_lost(Instant now, LinkId link, const Error& why) {
  end_link(now, link, why);
  ask_for_map(now);
}

void Dispatcher::on_response(Instant now, LinkId id, messages::Response response) {
  Link* link = peers_.find(id);
  if (!link) return;
  peers_.on_answer(*link);
  if (response.epoch > maps_.epoch()) {
    maps_.on_newer_seen(now, response.epoch, peers_.address(link->peer), std::holds_alternative<Error>(response.body));
  }
  const auto* map = std::get_if<messages::MapResponse>(&response.body);
  if (question_ != RequestId() && response.id == question_) {
    on_question_answered(now, response.body);
  } else if (map) {  // late: the question was given up
    if (map->map) install(now, map->map);
  } else if (const auto slot = calls_.find(response.id)) {
    calls_[*slot].request = RequestId();
    if (auto* error = std::get_if<Error>(&response.body)) {
      on_attempt_failed(now, *slot, std::move(*error));
    } else {
      complete(*slot, std::move(response.body));
    }
  }
  ask_for_map(now);
}

void Dispatcher::on_deadline(Instant now) {
  while (timers_.next() <= now) on_timer(now, CallSlot(timers_.pop()));
  ask_for_map(now);
}

void Dispatcher::on_shutdown() {
  for (std::uint32_t i = 0; i < calls_.slots(); ++i) {
    const PendingCall& call = calls_[CallSlot(i)];
    if (call.state == CallState::free) continue;
    if (call.state == CallState::sent && call.is_write()) {
      complete(CallSlot(i),
               fail(ErrorCode::outcome_unknown, "the client was closed before the answer came", Outcome::unknown));
    } else {
      complete(CallSlot(i), fail(ErrorCode::unavailable, "the client was closed before the call was served"));
    }
  }
}

Instant Dispatcher::next_deadline() const { return std::min(timers_.next(), maps_.next_deadline()); }

void Dispatcher::route(Instant now, CallSlot slot) {
  if (std::holds_alternative<messages::MapRequest>(calls_[slot].body) || !map()) return await_map(now, slot);
  const auto partition = partition_of(calls_[slot].body, map()->partitioning());
  if (!partition) return complete(slot, fail(partition.error()));
  const Route& to = routes_[partition->value()];
  if (to.peer == kNoPeer) {
    return on_attempt_failed(now, slot,
                             Error{ErrorCode::unavailable,
                                   Outcome::not_applied,
                                   fmt::format("partition {} has no primary now", partition->value()),
                                   {}});
  }
  if (may_send(slot, to)) attempt(now, slot, to);
}

void Dispatcher::await_map(Instant now, CallSlot slot) {
  const auto* wanted = std::get_if<messages::MapRequest>(&calls_[slot].body);
  if (wanted && map() && maps_.epoch() > wanted->known) return complete(slot, messages::MapResponse{map()});
  maps_.want(now, {});
  park(now, slot, kMapAskGap, true);
}

// The first sending is free, and so is one to another node or under another term: it cannot repeat for long. Others
// draw on the budget.
bool Dispatcher::may_send(CallSlot slot, const Route& to) {
  PendingCall& call = calls_[slot];
  if (call.sendings == 0) return true;
  const bool spent = call.sendings > options_.retries_max;
  if (!spent && (to != call.sent_to || budget_.take())) return true;
  call.last_error.message += spent ? fmt::format(" (after {} attempts)", call.sendings)
                                   : " (not tried again: too many calls are being retried)";
  complete(slot, fail(std::move(call.last_error)));
  return false;
}

void Dispatcher::attempt(Instant now, CallSlot slot, const Route& to) {
  PendingCall& call = calls_[slot];
  call.to = to;
  call.request = RequestId();
  const auto choice = peers_.choose(now, to.peer);
  if (!choice) return on_attempt_failed(now, slot, choice.error());
  if (choice->connect) effects_.push_back(Connect{*choice->connect, peers_.address(to.peer)});
  call.link = choice->link;
  timers_.set(slot.value(), std::min(call.deadline, now + kUnansweredMax));
  Link& link = *peers_.find(choice->link);
  if (link.open) return send(now, slot, link);
  call.state = CallState::queued;
  link.waiting.push_back(slot);
}

void Dispatcher::send(Instant now, CallSlot slot, Link& link) {
  PendingCall& call = calls_[slot];
  call.state = CallState::sent;
  ++call.sendings;
  call.sent_to = call.to;
  if (link.silent_since == kNever) link.silent_since = now;
  effects_.push_back(
      Send{link.id, messages::Request{calls_.open_attempt(slot), call.deadline - now, maps_.epoch(), call.body}});
}

void Dispatcher::on_attempt_failed(Instant now, CallSlot slot, Error why) {
  PendingCall& call = calls_[slot];
  const Verdict verdict = judge(why, call.is_write());
  if (verdict == Verdict::final) return complete(slot, fail(std::move(why)));
  const bool reroute = verdict == Verdict::reroute;
  const Duration pause = std::max(backoff(call.pauses++, rng_), Duration(why.retry_after));
  call.last_error = std::move(why);
  if (!reroute && now + pause >= call.deadline) return complete(slot, fail(std::move(call.last_error)));
  // Whoever failed is not the one to ask for a newer map.
  if (reroute) maps_.want(now, call.to.peer == kNoPeer ? std::string() : peers_.address(call.to.peer));
  park(now, slot, pause, reroute);
}

void Dispatcher::park(Instant now, CallSlot slot, Duration pause, bool wakes_on_map) {
  PendingCall& call = calls_[slot];
  call.state = CallState::parked;
  call.wakes_on_map = wakes_on_map;
  call.request = RequestId();
  timers_.set(slot.value(), std::min(call.deadline, now + pause));
}

void Dispatcher::on_timer(Instant now, CallSlot slot) {
  PendingCall& call = calls_[slot];
  if (now >= call.deadline) return expire(now, slot);
  if (call.state == CallState::parked) return route(now, slot);
  maps_.want(now, peers_.address(call.to.peer));
  timers_.set(slot.value(), call.deadline);
}

void Dispatcher::expire(Instant now, CallSlot slot) {
  const PendingCall& call = calls_[slot];
  const bool was_sent = call.state == CallState::sent;
  const LinkId link_id = call.link;
  std::string message;
  if (was_sent || call.state == CallState::queued) {
    message = fmt::format("{} did not {} before the deadline", peers_.address(call.to.peer),
                          was_sent ? "answer" : "accept a connection");
  } else if (!map()) {
    const std::string failures = maps_.describe_failures();
    message =
        fmt::format("no cluster map before the deadline; {}", failures.empty() ? "nobody has answered yet" : failures);
  } else {
    message = fmt::format("the deadline passed; {}",
                          call.last_error.message.empty() ? "nothing was sent" : call.last_error.message);
  }
  const Outcome outcome = was_sent && call.is_write() ? Outcome::unknown : Outcome::not_applied;
  complete(slot, fail(map() ? ErrorCode::timeout : ErrorCode::unavailable, std::move(message), outcome));

  const Link* link = was_sent ? peers_.find(link_id) : nullptr;
  if (!link || link->silent_since == kNever || now - link->silent_since < kLinkSilenceMax) return;
  effects_.push_back(Disconnect{link_id});
  end_link(
      now, link_id,
      Error{
          ErrorCode::unavailable, Outcome::not_applied, fmt::format("{} fell silent", peers_.address(link->peer)), {}});
}

void Dispatcher::complete(CallSlot slot, Result<messages::ResponseBody> result) {
  timers_.cancel(slot.value());
  effects_.push_back(Complete{calls_[slot].id, std::move(result)});
  calls_.remove(slot);
}

void Dispatcher::end_link(Instant now, LinkId id, const Error& why) {
  if (!peers_.find(id)) return;
  const Link ended = peers_.on_failure(now, id, why, rng_);
  if (id == question_link_) {
    question_link_ = LinkId();
    question_ = RequestId();
    maps_.on_failed(now, why);
  }
  for (std::uint32_t i = 0; i < calls_.slots(); ++i) {
    const CallSlot slot(i);
    const PendingCall& call = calls_[slot];
    if (call.link != id || (call.state != CallState::queued && call.state != CallState::sent)) continue;
    const bool maybe_applied = call.state == CallState::sent && call.is_write();
    Error error{ErrorCode::unavailable, Outcome::not_applied, why.message, {}};
    if (maybe_applied) {
      error.code = ErrorCode::outcome_unknown;
      error.outcome = Outcome::unknown;
      error.message = fmt::format("the connection to {} was lost before it answered ({}); read before you write again",
                                  peers_.address(ended.peer), why.message);
    }
    on_attempt_failed(now, slot, std::move(error));
  }
}

void Dispatcher::check_invariants() const {
  GYRE_ASSERT(timers_.size() == calls_.size());
  GYRE_ASSERT(calls_.size() <= options_.calls_in_flight_max);
  for (std::uint32_t i = 0; i < calls_.slots(); ++i) {
    const PendingCall& call = calls_[CallSlot(i)];
    GYRE_ASSERT(timers_.armed(i) == (call.state != CallState::free));
    GYRE_ASSERT((call.request != RequestId()) == (call.state == CallState::sent));
    if (call.state != CallState::queued && call.state != CallState::sent) continue;
    const Link* link = peers_.find(call.link);
    GYRE_ASSERT(link && link->peer == call.to.peer);
    GYRE_ASSERT(link->open == (call.state == CallState::sent));
  }
}

}  // namespace gyre::routing
