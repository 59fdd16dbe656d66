#include "tools/gyre/chaos_rules.h"

#include <algorithm>

#include <fmt/format.h>

namespace gyre::cli {
namespace {

using messages::FaultRule;
using Direction = FaultRule::Direction;

FaultRule losing_all(const LocalProcess& peer, Direction direction) {
  return {.peer = peer_name(peer), .direction = direction, .drop = 1, .delay = {}, .jitter = {}};
}

const char* direction_name(Direction direction) {
  switch (direction) {
    case Direction::in: return "in";
    case Direction::out: return "out";
    case Direction::both: return "both";
  }
  return "both";
}

std::string peer_text(const std::string& peer) {
  if (peer == "*") return "every other process";
  return peer == "coordinator" ? "the coordinator" : peer;
}

}  // namespace

const LocalProcess& clients() {
  static const LocalProcess all{.role = "clients", .id = "clients", .zone = {}, .native = {}, .http = {}};
  return all;
}

std::string peer_name(const LocalProcess& process) {
  return process.role == "coordinator" ? "coordinator" : process.id;
}

std::vector<PlacedRule> cut_rules(const LocalProcess& a, const LocalProcess& b, bool one_way) {
  std::vector<PlacedRule> rules = {{a.id, losing_all(b, one_way ? Direction::out : Direction::both)}};
  if (b != clients()) rules.push_back({b.id, losing_all(a, one_way ? Direction::in : Direction::both)});
  return rules;
}

PlacedRule slow_rule(const LocalProcess& process, Duration delay, Duration jitter) {
  return {process.id, {.peer = "*", .direction = Direction::both, .drop = 0, .delay = delay, .jitter = jitter}};
}

PlacedRule slow_clients_rule(const LocalProcess& process, Duration delay, Duration jitter) {
  PlacedRule placed = slow_rule(process, delay, jitter);
  placed.rule.peer = peer_name(clients());
  return placed;
}

PlacedRule drop_rule(const LocalProcess& a, const LocalProcess& b, double rate) {
  return {a.id, {.peer = peer_name(b), .direction = Direction::both, .drop = rate, .delay = {}, .jitter = {}}};
}

void add_rule(Rules& rules, const FaultRule& rule) {
  const auto known = std::ranges::find_if(
      rules, [&](const FaultRule& other) { return other.peer == rule.peer && other.direction == rule.direction; });
  if (known == rules.end()) {
    rules.push_back(rule);
    return;
  }
  if (rule.drop > 0) known->drop = rule.drop;
  if (rule.delay.count() > 0 || rule.jitter.count() > 0) {
    known->delay = rule.delay;
    known->jitter = rule.jitter;
  }
}

std::string rule_text(const FaultRule& rule) {
  const char* const way = rule.direction == Direction::in    ? "from"
                          : rule.direction == Direction::out ? "to"
                                                             : "to and from";
  std::string effect;
  if (rule.delay.count() > 0 || rule.jitter.count() > 0) {
    effect = fmt::format("{} ms late", to_ms(rule.delay));
    if (rule.jitter.count() > 0) effect += fmt::format(", up to {} ms more", to_ms(rule.jitter));
  }
  if (rule.drop > 0) {
    effect += effect.empty() ? "" : "; ";
    effect += rule.drop >= 1 ? std::string("all is lost") : fmt::format("{:g}% is lost", rule.drop * 100);
  }
  return fmt::format("{} {}: {}", way, peer_text(rule.peer), effect.empty() ? "nothing" : effect);
}

Json rule_json(const FaultRule& rule) {
  return {{"peer", rule.peer},
          {"direction", direction_name(rule.direction)},
          {"drop", rule.drop},
          {"delay_ms", to_ms(rule.delay)},
          {"jitter_ms", to_ms(rule.jitter)}};
}

}  // namespace gyre::cli
