// How the attempts of a call end: with an answer, in one of the ways to fail, or not at all.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"
#include "routing/dispatcher.h"
#include "routing/target.h"

namespace gyre::routing {

// What a hedge has overtaken took at least so long.
void Dispatcher::on_latency(Instant now, const PendingCall& call, bool by_hedge) {
  if (call.is_write()) return;
  peers_.on_latency(now, call.sent_to.peer, now - call.sent_at);
  if (by_hedge) peers_.on_latency(now, call.hedge.peer, now - call.hedge.sent_at);
  if (may_spread(call.body)) hedges_.on_answer(now - call.sent_at);
}

// False: it was the only attempt, and `why` is untouched.
bool Dispatcher::fail_one_of_two(PendingCall& call, bool hedge, Error&& why) {
  if (!call.hedge.open()) return false;
  call.last_error = std::move(why);
  call.tried |= routes_[*call.partition].bit_of(hedge ? call.hedge.peer : call.to.peer);
  hedge ? drop_hedge(call) : go_on_with_hedge(call);
  return true;
}

void Dispatcher::on_answered(Instant now, CallSlot slot, messages::ResponseBody body) {
  PendingCall& call = calls_[slot];
  note(now, call, body);
  if (!call.session_lost) return complete(slot, std::move(body));
  if (const auto* standing = standing_of(body)) session_.on_told(*call.partition, call.asked, standing->position);
  complete(slot, fail(*std::move(call.session_lost)));
}

void Dispatcher::note(Instant now, const PendingCall& call, const messages::ResponseBody& body) {
  const auto* standing = standing_of(body);
  if (!standing) return;
  const PartitionId partition = *call.partition;
  if (auto lost = session_.on_answer(partition, call.asked, *standing)) effects_.push_back(*std::move(lost));
  const auto* write = std::get_if<messages::WriteRequest>(&call.body);
  const auto* written = std::get_if<messages::WriteResponse>(&body);
  if (write && written) {
    routes_[partition].wrote_at = now;
    if (auto lost = session_.on_acknowledged(now, partition, *write, *written)) effects_.push_back(*std::move(lost));
  }
  want_check(partition);  // a primary that was cut off may acknowledge after its successor became known
}

void Dispatcher::on_attempt_failed(Instant now, CallSlot slot, Error why) {
  PendingCall& call = calls_[slot];
  if (call.is_write() && why.outcome == Outcome::unknown) call.maybe_applied = true;
  if (why.code == ErrorCode::session_lost && read_of(call.body) && !call.session_lost && !call.seen) {
    return on_session_lost(now, slot, std::move(why));
  }
  if (try_another_member(now, slot, why)) return;

  const Verdict verdict = judge(why, call.is_write());
  if (verdict == Verdict::linger && call.linger_until == kNever) call.linger_until = now + kPatience;
  const bool too_long = verdict == Verdict::linger && now >= call.linger_until;
  if (verdict == Verdict::final || too_long || is_forgotten(now, call)) return fail_call(slot, std::move(why));

  const bool reroute = verdict == Verdict::reroute;
  const Duration pause = pause_after(call, why);
  // Whoever failed is not the one to ask for a newer map.
  if (reroute && why.code != ErrorCode::behind) {
    maps_.want(now, call.to.peer == kNoPeer ? std::string() : peers_.address(call.to.peer));
  }
  call.last_error = std::move(why);
  if (!reroute && now + pause >= call.deadline) return fail_call(slot, std::move(call.last_error));
  park(now, slot, pause, verdict != Verdict::wait);
}

// Who is busy is not asked before it says. Who waits for something says when that is over at the latest; from then on
// it is asked as if it were the first time.
Duration Dispatcher::pause_after(PendingCall& call, const Error& why) {
  const Duration own = backoff(call.pauses++, rng_);
  const Duration told = why.retry_after;
  if (why.code != ErrorCode::unavailable || told == Duration(0)) return std::max(own, told);
  const Duration then = told + backoff(0, rng_);
  if (then < own) call.pauses = 0;
  return std::min(own, then);
}

// True: the call goes on, or has ended.
bool Dispatcher::try_another_member(Instant now, CallSlot slot, Error& why) {
  PendingCall& call = calls_[slot];
  if (!call.partition || !may_spread(call.body) || !another_may_serve(why)) return false;
  const PartitionRoute& route = routes_[*call.partition];
  call.tried |= route.bit_of(call.to.peer);
  if (!route.has_untried(call.tried)) {
    call.tried = 0;
    call.pays = true;
    return false;
  }
  call.last_error = std::move(why);
  this->route(now, slot);
  return true;
}

// A member tells the session that it lost something, but not what remains: the primary knows. Where another answer has
// told that meanwhile, the loss is the caller's at once.
void Dispatcher::on_session_lost(Instant now, CallSlot slot, Error why) {
  PendingCall& call = calls_[slot];
  if (session_.take_loss(*call.partition) || call.asked != session_.seen(*call.partition)) {
    return complete(slot, fail(std::move(why)));
  }
  call.session_lost = std::move(why);
  call.tried = 0;
  read_of(call.body)->level = messages::ReadLevel::primary;
  route(now, slot);
}

void Dispatcher::on_timer(Instant now, CallSlot slot) {
  const PendingCall& call = calls_[slot];
  if (now >= call.deadline) return expire(now, slot);
  if (call.state == CallState::sent && now >= call.hedge_at) return send_hedge(now, slot);
  if (call.state != CallState::parked) return on_stalled(now, slot);
  const bool needless = call.id == kNobody && !session_.unsure(*call.partition, routes_[*call.partition].primary.term);
  if (needless) return complete(slot, messages::GetResponse{});
  route(now, slot);
}

// An attempt got no answer for a while: somebody else may know more, or serve the call.
void Dispatcher::on_stalled(Instant now, CallSlot slot) {
  PendingCall& call = calls_[slot];
  maps_.want(now, peers_.address(call.to.peer));
  timers_.set(slot.value(), std::min(call.deadline, now + kUnansweredMax));
  const Error unanswered{
      ErrorCode::unavailable,
      Outcome::not_applied,
      fmt::format("{} did not answer within {} ms", peers_.address(call.to.peer), to_ms(kUnansweredMax)),
      {}};
  if (call.hedge.open()) {  // which has its own time
    const LinkId silent = call.link;
    peers_.on_error(call.to.peer);
    timers_.set(slot.value(), std::min(call.deadline, call.hedge.sent_at + kUnansweredMax));
    fail_one_of_two(call, false, Error(unanswered));
    return give_up_if_silent(now, silent);
  }
  if (!can_turn(call)) return;
  const PartitionRoute& route = routes_[*call.partition];
  if (may_spread(call.body) && route.has_untried(call.tried | route.bit_of(call.to.peer))) {
    const LinkId silent = call.link;
    const bool was_sent = call.state == CallState::sent;
    if (was_sent) peers_.on_error(call.to.peer);
    on_attempt_failed(now, slot, unanswered);
    if (was_sent) give_up_if_silent(now, silent);
    return;
  }
  if (has_moved(call)) turn(now, slot);
}

// The members no longer know the id of a write that may have been applied: made again, it could be applied twice.
bool Dispatcher::is_forgotten(Instant now, const PendingCall& call) {
  return call.maybe_applied && call.age_given + (now - call.unsure_since) >= limits::kWriteIdLife;
}

// Somebody else serves the call by now.
bool Dispatcher::has_moved(const PendingCall& call) const {
  const PartitionRoute& route = routes_[*call.partition];
  if (may_spread(call.body)) return !route.members.empty() && !route.has_member(call.to.peer);
  return route.primary.peer != kNoPeer && route.primary.peer != call.to.peer;
}

bool Dispatcher::can_turn(const PendingCall& call) const {
  return call.state == CallState::queued || call.sendings <= options_.retries_max;
}

void Dispatcher::turn(Instant now, CallSlot slot) {
  PendingCall& call = calls_[slot];
  if (call.is_write() && call.state == CallState::sent) call.maybe_applied = true;
  route(now, slot);
}

void Dispatcher::expire(Instant now, CallSlot slot) {
  const PendingCall& call = calls_[slot];
  const bool was_sent = call.state == CallState::sent;
  const LinkId link_id = call.link;
  std::string message;
  if (was_sent) peers_.on_error(call.to.peer);
  if (call.hedge.open()) peers_.on_error(call.hedge.peer);
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
  fail_call(slot, Error{map() ? ErrorCode::timeout : ErrorCode::unavailable, outcome, std::move(message), {}});

  if (was_sent) give_up_if_silent(now, link_id);
}

void Dispatcher::give_up_if_silent(Instant now, LinkId id) {
  const Link* link = peers_.find(id);
  if (!link || link->silent_since == kNever || now - link->silent_since < kLinkSilenceMax) return;
  give_up(now, id);
}

void Dispatcher::give_up(Instant now, LinkId id) {
  const std::string& address = peers_.address(peers_.find(id)->peer);
  effects_.push_back(Disconnect{id});
  end_link(now, id, Error{ErrorCode::unavailable, Outcome::not_applied, fmt::format("{} fell silent", address), {}});
}

// Only what all attempts agree on is certain.
void Dispatcher::fail_call(CallSlot slot, Error why) {
  PendingCall& call = calls_[slot];
  if (call.session_lost) return complete(slot, fail(*std::move(call.session_lost)));
  if (call.maybe_applied && why.outcome == Outcome::not_applied) {
    if (why.code != ErrorCode::timeout) why.code = ErrorCode::outcome_unknown;
    why.outcome = Outcome::unknown;
    why.message += "; an attempt before may have been applied";
  }
  complete(slot, fail(std::move(why)));
}

void Dispatcher::end_link(Instant now, LinkId id, const Error& why) {
  if (!peers_.find(id)) return;
  const Link ended = peers_.on_failure(now, id, why, rng_);
  if (id == question_link_) {
    question_link_ = LinkId();
    question_ = RequestId();
    maps_.on_failed(now, why);
  }
  if (map()) maps_.want(now, peers_.address(ended.peer));
  for (std::uint32_t i = 0; i < calls_.slots(); ++i) {
    const CallSlot slot(i);
    PendingCall& call = calls_[slot];
    const bool of_hedge = call.hedge.open() && call.hedge.link == id;
    const bool concerned = of_hedge || (call.hedge.open() && call.link == id);
    if (concerned) {
      peers_.on_error(ended.peer);
      fail_one_of_two(call, of_hedge, Error{ErrorCode::unavailable, Outcome::not_applied, why.message, {}});
      continue;
    }
    if (call.link != id || (call.state != CallState::queued && call.state != CallState::sent)) continue;
    if (call.state == CallState::sent) peers_.on_error(ended.peer);
    const bool maybe_applied = call.state == CallState::sent && call.is_write();
    Error error{ErrorCode::unavailable, Outcome::not_applied, why.message, {}};
    if (maybe_applied) {
      error.code = ErrorCode::outcome_unknown;
      error.outcome = Outcome::unknown;
      error.message =
          fmt::format("the connection to {} was lost before it answered ({})", peers_.address(ended.peer), why.message);
    }
    on_attempt_failed(now, slot, std::move(error));
  }
}

}  // namespace gyre::routing
