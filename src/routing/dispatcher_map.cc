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
    if (link.open) question_ = send_map_question(now, link);
  }
}

RequestId Dispatcher::send_map_question(Instant now, Link& link) {
  const RequestId id = calls_.foreign_id();
  if (link.silent_since == kNever) link.silent_since = now;
  effects_.push_back(
      Send{link.id, messages::Request{id, kUnansweredMax, maps_.epoch(), messages::MapRequest{maps_.known()}}});
  return id;
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
  routes_.rebuild(now, *map(), options_.zone, peers_);
  session_.set_partitions(routes_.size());
  reroute_calls(now);
  for (std::size_t i = 0; i < routes_.size(); ++i) want_check(PartitionId(static_cast<std::uint16_t>(i)));
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
    const bool new_primary = call.partition && routes_[*call.partition].since == now;
    if (new_primary) call.pauses = 0;
    if (call.state == CallState::parked) {
      if (call.wakes_on_map) {
        route(now, slot);
      } else if (call.id == kNobody && new_primary) {
        park(now, slot, check_pause(false), false);
      }
      continue;
    }
    const bool may_be_answered =
        call.is_write() && call.state == CallState::sent && now - call.sent_at < kUnansweredMax;
    if (!may_be_answered && has_moved(call) && can_turn(call)) turn(now, slot);
  }
}

// --- What became of this client's acknowledged writes ---

// At the end of an event, when no call is being handled.
void Dispatcher::settle(Instant now) {
  check_health(now);
  start_checks(now);
  ask_for_map(now);
  probe(now);
}

// Reads pass a member over while it is down, so it is not their failing that would show it to be up again.
void Dispatcher::probe(Instant now) {
  if (now < probe_at_) return;
  probe_at_ = now + kProbeEvery;
  while (const auto due = peers_.probe(now)) effects_.push_back(Connect{due->second, peers_.address(due->first)});
}

// A member that nobody needs now is known to be well, or not, by the time that somebody does.
void Dispatcher::check_health(Instant now) {
  if (now < check_health_at_) return;
  check_health_at_ = now + kHealthCheckEvery;
  for (const PeerIndex peer : peers_.members()) {
    for (const LinkId link : std::vector(peers_.links(peer))) check_health(now, link);
    if (!peers_.links(peer).empty()) continue;
    const auto choice = peers_.choose(now, peer);
    if (choice && choice->connect) effects_.push_back(Connect{*choice->connect, peers_.address(peer)});
  }
}

// Asks for a map that is newer: an answer costs the member nothing, and may even bring one.
void Dispatcher::check_health(Instant now, LinkId id) {
  Link* link = peers_.find(id);
  if (link == nullptr || !link->open || now - link->heard_at < kHealthCheckEvery) return;
  if (link->asked_at == kNever) {
    link->asked_at = now;
    send_map_question(now, *link);
  } else if (now - link->asked_at >= kHealthSilenceMax) {
    peers_.on_hung(link->peer);
    give_up(now, id);
  }
}

// Asks the primary, unless other answers tell first. `again`: it has been asked, and told nothing.
void Dispatcher::want_check(PartitionId partition, bool again) {
  PartitionRoute& route = routes_[partition];
  if (route.checking || !session_.unsure(partition, route.primary.term)) return;
  route.checking = true;
  due_checks_.push_back({partition, again});
}

void Dispatcher::start_checks(Instant now) {
  while (!due_checks_.empty() && calls_.size() < options_.calls_in_flight_max) {
    const auto [partition, again] = due_checks_.front();
    due_checks_.pop_front();
    start_check(now, partition, check_pause(again));
  }
}

void Dispatcher::start_check(Instant now, PartitionId partition, Duration pause) {
  PartitionRoute& route = routes_[partition];
  const Lost::Write* write = session_.unsure(partition, route.primary.term);
  if (!write) {
    route.checking = false;
    return;
  }
  messages::GetRequest question{write->key, false};
  question.read.level = messages::ReadLevel::primary;
  const CallSlot slot = calls_.add(PendingCall{.id = kNobody,
                                               .body = std::move(question),
                                               .deadline = now + pause + kCheckDeadline,
                                               .partition = partition,
                                               .asked = write->version});
  park(now, slot, pause, false);
}

// It may have asked the primary of a term that has ended meanwhile.
void Dispatcher::end_check(const PendingCall& check) {
  PartitionRoute& route = routes_[*check.partition];
  route.checking = false;
  want_check(*check.partition, check.to.term >= route.primary.term);
}

Duration Dispatcher::check_pause(bool again) {
  if (again) return Duration(rng_.between(kCheckAgain.count() / 2, kCheckAgain.count()));
  return Duration(rng_.between(0, kCheckSpread.count()));
}

}  // namespace gyre::routing
