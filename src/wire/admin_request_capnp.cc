// What operators ask for and set.
#include <fmt/format.h>

#include "wire/admin_capnp.h"
#include "wire/settings_capnp.h"

namespace gyre::wire {

namespace {

using messages::ClusterSetRequest;
using messages::FaultRule;
using messages::FaultsRequest;
using messages::NodeSetRequest;

double decode_share(double share) {
  if (!(share >= 0 && share <= 1)) {
    refuse(ErrorCode::invalid_argument, fmt::format("a part of {} of all frames: 0 to 1 is wanted", share));
  }
  return share;
}

}  // namespace

ClusterSetRequest decode_cluster_set(schema::ClusterSetRequest::Reader in) {
  ClusterSetRequest request;
  if (const auto automatic = in.getAutomatic(); changes(automatic)) request.automatic = automatic.getTo();
  if (const auto paused = in.getPaused(); changes(paused)) request.paused = paused.getTo();
  if (const auto spread = in.getSpreadHot(); changes(spread)) request.spread_hot = spread.getTo();
  if (const auto moves = in.getMovesPerNode(); changes(moves)) {
    request.moves_per_node = decode_within(moves.getTo(), 1, limits::kMovesPerNodeMax, "moves of one node");
  }
  if (const auto rate = in.getBytesPerSecond(); changes(rate)) request.bytes_per_second = rate.getTo();
  if (const auto factor = in.getP99Factor(); changes(factor)) request.p99_factor = decode_factor(factor.getTo());
  if (const auto after = in.getReplaceAfterMs(); changes(after)) request.replace_after = decode_long_ms(after.getTo());
  if (const auto copies = in.getReplicationFactor(); changes(copies)) {
    request.replication_factor =
        decode_within(copies.getTo(), 1, limits::kReplicationFactorMax, "copies of a partition");
  }
  if (const auto members = in.getMinInSync(); changes(members)) {
    request.min_in_sync = decode_within(members.getTo(), 1, limits::kReplicationFactorMax, "members in sync");
  }
  return request;
}

NodeSetRequest decode_node_set(const Decoding& decoding, schema::NodeSetRequest::Reader in) {
  NodeSetRequest request;
  request.node = decode_node_id(in.getNode());
  decode_node_settings(decoding, in, request);
  request.action = decode_enum(in.getAction(), NodeSetRequest::Action::forget, "action");
  return request;
}

FaultsRequest decode_faults_request(Decoding& decoding, schema::FaultsRequest::Reader in) {
  return {.show = in.getShow(), .rules = decode_fault_rules(decoding, in.getRules())};
}

std::vector<FaultRule> decode_fault_rules(Decoding& decoding, capnp::List<schema::FaultRule>::Reader in) {
  std::vector<FaultRule> rules;
  rules.reserve(decoding.count(in.size(), limits::kFaultRulesMax, "faults"));
  for (const auto rule : in) {
    rules.push_back({.peer = decoding.text(rule.getPeer()),
                     .direction = decode_enum(rule.getDirection(), FaultRule::Direction::out, "direction"),
                     .drop = decode_share(rule.getDrop()),
                     .delay = from_ms(rule.getDelayMs()),
                     .jitter = from_ms(rule.getJitterMs())});
  }
  return rules;
}

void encode_admin(const ClusterSetRequest& request, schema::ClusterSetRequest::Builder out) {
  encode_change(request.automatic, out.getAutomatic());
  encode_change(request.paused, out.getPaused());
  encode_change(request.spread_hot, out.getSpreadHot());
  encode_change(request.moves_per_node, out.getMovesPerNode());
  encode_change(request.bytes_per_second, out.getBytesPerSecond());
  encode_change(request.p99_factor, out.getP99Factor());
  if (request.replace_after) out.getReplaceAfterMs().setTo(long_ms(*request.replace_after));
  encode_change(request.replication_factor, out.getReplicationFactor());
  encode_change(request.min_in_sync, out.getMinInSync());
}

void encode_admin(const NodeSetRequest& request, schema::NodeSetRequest::Builder out) {
  out.setNode(text_of(request.node.str()));
  encode_node_settings(request, out);
  out.setAction(static_cast<schema::NodeSetRequest::Action>(request.action));
}

void encode_admin(const FaultsRequest& request, schema::FaultsRequest::Builder out) {
  out.setShow(request.show);
  encode_fault_rules(request.rules, out.initRules(size_of(request.rules)));
}

void encode_fault_rules(const std::vector<FaultRule>& rules, capnp::List<schema::FaultRule>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) {
    auto rule = out[i];
    rule.setPeer(text_of(rules[i].peer));
    rule.setDirection(static_cast<schema::FaultRule::Direction>(rules[i].direction));
    rule.setDrop(rules[i].drop);
    rule.setDelayMs(short_ms(rules[i].delay));
    rule.setJitterMs(short_ms(rules[i].jitter));
  }
}

std::size_t words_of_admin(const ClusterSetRequest&) { return struct_words<schema::ClusterSetRequest>(); }

std::size_t words_of_admin(const NodeSetRequest& request) {
  return struct_words<schema::NodeSetRequest>() + words_for_text(request.node.str()) + words_of_node_settings(request);
}

std::size_t words_of_admin(const FaultsRequest& request) {
  return struct_words<schema::FaultsRequest>() + words_of_fault_rules(request.rules);
}

std::size_t words_of_fault_rules(const std::vector<FaultRule>& rules) {
  std::size_t words = kListTagWords;
  for (const FaultRule& rule : rules) words += struct_words<schema::FaultRule>() + words_for_text(rule.peer);
  return words;
}

}  // namespace gyre::wire
