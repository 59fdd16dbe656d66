#include "net/faults.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/ids.h"
#include "base/limits.h"
#include "base/log.h"

namespace gyre::net {

using messages::FaultRule;
using Direction = FaultRule::Direction;

namespace {

constexpr std::string_view kEveryPeer = "*";  // but clients

Result<void> check(const FaultRule& rule) {
  const auto invalid = [](std::string why) { return fail(ErrorCode::invalid_argument, std::move(why)); };
  if (rule.peer != kEveryPeer && !NodeId::valid(rule.peer)) {
    return invalid(fmt::format("'{}' is no peer: name a node, coordinator, clients, or * for all but clients",
                               rule.peer.substr(0, 80)));
  }
  if (!(rule.drop >= 0 && rule.drop <= 1)) {
    return invalid(fmt::format("a part of {} of all frames cannot be dropped: 0 to 1 is wanted", rule.drop));
  }
  if (rule.delay < Duration(0) || rule.jitter < Duration(0) || rule.delay > kFaultDelayMax ||
      rule.jitter > kFaultDelayMax - rule.delay) {
    return invalid(fmt::format("a delay of up to {} ms: 0 to {} are allowed", to_ms(rule.delay) + to_ms(rule.jitter),
                               to_ms(kFaultDelayMax)));
  }
  return {};
}

bool concerns(const FaultRule& rule, std::string_view peer, Direction direction) {
  if (rule.direction != Direction::both && rule.direction != direction) return false;
  return rule.peer == peer || (rule.peer == kEveryPeer && peer != kClientPeers);
}

const char* to_string(Direction direction) {
  switch (direction) {
    case Direction::both: return "both";
    case Direction::in: return "in";
    case Direction::out: return "out";
  }
  return "";
}

bool asks_for_faults(const messages::Request& request) {
  return std::holds_alternative<messages::FaultsRequest>(request.body);
}

bool tells_faults(const messages::Response& response) {
  return std::holds_alternative<messages::FaultsResponse>(response.body);
}

void log_change(const std::vector<FaultRule>& rules) {
  if (rules.empty()) return spdlog::warn("injected network faults are off");
  for (const FaultRule& rule : rules) {
    spdlog::warn("injected network fault peer={} direction={} drop={} delay_ms={} jitter_ms={}", rule.peer,
                 to_string(rule.direction), rule.drop, to_ms(rule.delay), to_ms(rule.jitter));
  }
}

}  // namespace

Result<messages::FaultsResponse> Faults::serve(const messages::FaultsRequest& request) {
  if (!request.show && !allowed_) {
    return fail(ErrorCode::denied,
                "this process injects no faults: start it with --allow-fault-injection, never where data matters");
  }
  const std::lock_guard lock(mutex_);
  if (request.show) return messages::FaultsResponse{rules_};
  if (request.rules.size() > limits::kFaultRulesMax) {
    return fail(ErrorCode::too_large,
                fmt::format("{} faults: at most {} are allowed", request.rules.size(), limits::kFaultRulesMax));
  }
  for (const FaultRule& rule : request.rules) GYRE_TRY(check(rule));
  if (request.rules != rules_) log_change(request.rules);
  rules_ = request.rules;
  count_.store(rules_.size(), std::memory_order_relaxed);
  return messages::FaultsResponse{rules_};
}

std::optional<Duration> Faults::fate(std::string_view peer, Direction direction) {
  if (count() == 0) return Duration(0);
  const std::lock_guard lock(mutex_);
  Duration delay{0};
  for (const FaultRule& rule : rules_) {
    if (!concerns(rule, peer, direction)) continue;
    if (rng_.chance(rule.drop)) return std::nullopt;
    delay += rule.delay + Duration(rng_.between(0, rule.jitter.count() + 1));
  }
  return delay;
}

std::string_view peer_named_in(const messages::Frame& frame) {
  if (!frame.messages.empty()) {
    return frame.sender.node.empty() ? kCoordinatorPeer : std::string_view(frame.sender.node.str());
  }
  for (const messages::Request& request : frame.requests) {
    if (const auto* heartbeat = std::get_if<messages::HeartbeatRequest>(&request.body)) return heartbeat->node.str();
    if (const auto* join = std::get_if<messages::JoinRequest>(&request.body)) return join->node.id.str();
  }
  return {};
}

bool is_about_faults(const messages::Frame& frame) {
  return std::ranges::any_of(frame.requests, asks_for_faults) || std::ranges::any_of(frame.responses, tells_faults);
}

messages::Frame take_about_faults(messages::Frame& frame) {
  messages::Frame taken;
  const auto take = [](auto& from, auto is_about, auto& to) {
    const auto others_end = std::stable_partition(from.begin(), from.end(), std::not_fn(is_about));
    std::move(others_end, from.end(), std::back_inserter(to));
    from.erase(others_end, from.end());
  };
  take(frame.requests, asks_for_faults, taken.requests);
  take(frame.responses, tells_faults, taken.responses);
  return taken;
}

}  // namespace gyre::net
