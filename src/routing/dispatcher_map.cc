// The dispatcher's side of the cluster map: asking for it, taking it over, and what that means for calls under way.
#include <utility>

#include <fmt/format.h>

#include "routing/dispatcher.h"
#include "routing/target.h"

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
      Send{link.id, messages::Request{question_, kUnansweredMax, maps_.epoch(), messages::MapRequest{maps_.epoch()}}});
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
  if (!answer->map && !map()) {
    return maps_.on_failed(now, Error{ErrorCode::unavailable, Outcome::not_applied, "has no cluster map yet", {}});
  }
  const auto taken = answer->map ? maps_.offer(answer->map) : Result<bool>(false);
  if (!taken) return maps_.on_failed(now, taken.error());
  maps_.on_answered(now);
  if (*taken) adopt_map(now);
}

void Dispatcher::install(Instant now, ring::ClusterMapPtr map) {
  const auto taken = maps_.offer(std::move(map));
  if (taken && *taken) adopt_map(now);
}

void Dispatcher::adopt_map(Instant now) {
  rebuild_routes();
  reroute_calls(now);
}

void Dispatcher::rebuild_routes() {
  const auto& map = *maps_.current();
  routes_.assign(map.entries.size(), Route{});
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const auto& entry = map.entries[i];
    const auto* node = entry.primary.empty() ? nullptr : map.find_node(entry.primary);
    if (node) routes_[i] = {peers_.index_of(node->addresses.native), entry.term};
  }
}

// Parked calls that wait for a map go on. Those on their way to a node that is no longer the primary turn round, unless
// they are writes that may have arrived, or reads that may not be sent again.
void Dispatcher::reroute_calls(Instant now) {
  for (std::uint32_t i = 0; i < calls_.slots(); ++i) {
    const CallSlot slot(i);
    const PendingCall& call = calls_[slot];
    if (call.state == CallState::parked && call.wakes_on_map) {
      route(now, slot);
      continue;
    }
    const bool may_repeat = !call.is_write() && call.sendings <= options_.retries_max;
    const bool can_turn = call.state == CallState::queued || (call.state == CallState::sent && may_repeat);
    if (!can_turn) continue;
    const auto partition = partition_of(call.body, map()->partitioning());  // valid: it was when the call was routed
    const PeerIndex serves = routes_[partition->value()].peer;
    if (serves != kNoPeer && serves != call.to.peer) route(now, slot);
  }
}

}  // namespace gyre::routing
