// The dispatcher's side of the cluster map: asking for it, taking it over, and what that means for calls under way.
#include <utility>

#include <fmt/format.h>

#include "routing/dispatcher.h"

namespace gyre::routing {

void Dispatcher::ask_for_map(Instant now) {
  while (const auto address = maps_.take_due(now)) {
    question_link_ = LinkId();
    question_ = RequestId();
    const auto choice = peers_.choose(now, peers_.index_of(*address));
    if (!choice) {
      maps_.on_failed(now, choice.error());
      continue;
    }
    if (choice->connect) effects_.push_back(Connect{*choice->connect, *address});
    question_link_ = choice->link;
    Link& link = *peers_.find(choice->link);
    if (link.open) send_map_question(now, link);
  }
}

void Dispatcher::send_map_question(Instant now, Link& link) {
  question_ = calls_.foreign_id();
  if (link.silent_since == kNever) link.silent_since = now;
  effects_.push_back(
      Send{link.id, messages::Request{question_, kUnansweredMax, maps_.epoch(), messages::MapRequest{maps_.known()}}});
}

void Dispatcher::on_question_answered(Instant now, const messages::ResponseBody& body) {
  question_link_ = LinkId();
  question_ = RequestId();
  const auto* answer = std::get_if<messages::MapResponse>(&body);
  if (!answer) {
    const auto* error = std::get_if<Error>(&body);
    return maps_.on_failed(now, error ? *error
                                      : Error{ErrorCode::unsupported,
                                              Outcome::not_applied,
                                              "answered a question for the map with something else",
                                              {}});
  }
  if (answer->update.empty() && !map()) {
    return maps_.on_failed(now, Error{ErrorCode::unavailable, Outcome::not_applied, "has no cluster map yet", {}});
  }
  const auto taken = maps_.offer(answer->update);
  if (!taken && answer->update.delta) return maps_.on_misfit(now, taken.error());
  if (!taken) return maps_.on_failed(now, taken.error());
  maps_.on_answered(now);
  if (*taken) adopt_map(now);
}

void Dispatcher::install(Instant now, const ring::MapUpdate& update) {
  const auto taken = maps_.offer(update);
  if (taken && *taken) adopt_map(now);
}

void Dispatcher::adopt_map(Instant now) {
  routes_.rebuild(now, *map(), peers_);
  session_.set_partitions(routes_.size());
  reroute_calls(now);
  start_checks(now);
}

// Parked calls that wait for a map go on. Those on their way to a node that does not serve them any more turn round; a
// write that was sent gets the time for its answer, which is probably on its way.
void Dispatcher::reroute_calls(Instant now) {
  for (std::uint32_t i = 0; i < calls_.slots(); ++i) {
    const CallSlot slot(i);
    PendingCall& call = calls_[slot];
    if (call.state == CallState::free) continue;
    call.tried = 0;
    if (call.partition && routes_[*call.partition].since == now) call.pauses = 0;
    if (call.state == CallState::parked) {
      if (call.wakes_on_map) route(now, slot);
      continue;
    }
    const bool may_be_answered =
        call.is_write() && call.state == CallState::sent && now - call.sent_at < kUnansweredMax;
    if (!may_be_answered && has_moved(call) && can_turn(call)) turn(now, slot);
  }
}

// Asks new primaries what became of this client's acknowledged writes, unless other answers tell first.
void Dispatcher::start_checks(Instant now) {
  for (std::size_t i = 0; i < routes_.size() && calls_.size() < options_.calls_in_flight_max; ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    PartitionRoute& route = routes_[partition];
    const Lost::Write* newest = session_.unsure(partition, route.primary.term);
    if (!newest || route.checking) continue;
    route.checking = true;
    messages::GetRequest question{newest->key, false};
    question.read.level = messages::ReadLevel::primary;
    const CallSlot slot = calls_.add(PendingCall{.id = kNobody,
                                                 .body = std::move(question),
                                                 .deadline = now + kCheckDeadline,
                                                 .partition = partition,
                                                 .asked = newest->version});
    park(now, slot, Duration(rng_.between(0, kCheckSpread.count())), false);
  }
}

}  // namespace gyre::routing
