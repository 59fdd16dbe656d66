// Answers to what operators ask for: plans, moves, load.
#include <fmt/format.h>

#include "wire/admin_capnp.h"
#include "wire/map_capnp.h"
#include "wire/settings_capnp.h"

namespace gyre::wire {

namespace {

using messages::HotKey;
using messages::MoveStatus;
using messages::NodeLoadStatus;
using ring::NodeBalance;
using ring::NodeLoad;
using ring::PlannedMove;
using ring::Spread;

// Copies that come and go, of all partitions.
constexpr std::size_t kMovesMax = std::size_t{limits::kSlots} * limits::kMembersMax;

// Every node that the moves name.
template <class Move>
NamedNodes nodes_of(const std::vector<Move>& moves) {
  NamedNodes nodes;
  for (const Move& move : moves) {
    nodes.add(move.from);
    nodes.add(move.to);
  }
  return nodes;
}

// Partition and nodes, of any kind of move.
template <class Move, class Reader>
Move decode_move(const NodeTable& nodes, Reader in) {
  Move move;
  move.partition = decode_partition(in.getPartition());
  move.from = nodes.at_or_nobody(in.getFrom());
  move.to = nodes.at_or_nobody(in.getTo());
  return move;
}

template <class Move, class Builder>
void encode_move(const Move& move, const NodeNumbers& nodes, Builder out) {
  out.setPartition(move.partition.value());
  out.setFrom(nodes.of_or_nobody(move.from));
  out.setTo(nodes.of_or_nobody(move.to));
}

NodeLoad decode_load(schema::Plan::Load::Reader in) {
  return {.primaries = in.getPrimaries(),
          .replicas = in.getReplicas(),
          .bytes = in.getBytes(),
          .operations_per_second = decode_real(in.getOperationsPerSecond(), "a load")};
}

void encode_load(const NodeLoad& load, schema::Plan::Load::Builder out) {
  out.setPrimaries(load.primaries);
  out.setReplicas(load.replicas);
  out.setBytes(load.bytes);
  out.setOperationsPerSecond(load.operations_per_second);
}

Spread decode_spread(schema::Plan::Spread::Reader in) {
  return {.distinct_sets = in.getDistinctSets(),
          .lost_with_node = in.getLostWithNode(),
          .lost_with_zone = in.getLostWithZone()};
}

void encode_spread(const Spread& spread, schema::Plan::Spread::Builder out) {
  out.setDistinctSets(spread.distinct_sets);
  out.setLostWithNode(spread.lost_with_node);
  out.setLostWithZone(spread.lost_with_zone);
}

std::vector<PlannedMove> decode_planned(Decoding& decoding, schema::Plan::Reader in) {
  const NodeTable table(decode_node_ids(decoding, in.getNamed(), kNamedMax));
  const auto list = in.getMoves();
  std::vector<PlannedMove> moves;
  moves.reserve(decoding.count(list.size(), kMovesMax, "moves"));
  for (const auto move : list) {
    moves.push_back(decode_move<PlannedMove>(table, move));
    moves.back().bytes = move.getBytes();
  }
  return moves;
}

std::vector<NodeBalance> decode_balances(Decoding& decoding, capnp::List<schema::Plan::Balance>::Reader in) {
  std::vector<NodeBalance> nodes;
  nodes.reserve(decoding.count(in.size(), kNamedMax, "nodes"));
  for (const auto node : in) {
    nodes.push_back({.node = decode_node_id(node.getNode()),
                     .share = decode_real(node.getShare(), "a share"),
                     .before = decode_load(node.getBefore()),
                     .after = decode_load(node.getAfter())});
  }
  return nodes;
}

std::vector<MoveStatus> decode_open_moves(Decoding& decoding, schema::Moves::Reader in) {
  const NodeTable table(decode_node_ids(decoding, in.getNamed(), kNamedMax));
  const auto list = in.getMoves();
  std::vector<MoveStatus> moves;
  moves.reserve(decoding.count(list.size(), kMovesMax, "moves"));
  for (const auto move : list) {
    MoveStatus& out = moves.emplace_back(decode_move<MoveStatus>(table, move));
    out.stage = decode_enum(move.getStage(), MoveStatus::Stage::deleting, "stage of a move");
    out.bytes_done = move.getBytesDone();
    out.bytes_total = move.getBytesTotal();
    out.node_down = move.getNodeDown();
  }
  return moves;
}

std::vector<NodeLoadStatus> decode_node_loads(Decoding& decoding, capnp::List<schema::Moves::NodeLoad>::Reader in) {
  std::vector<NodeLoadStatus> nodes;
  nodes.reserve(decoding.count(in.size(), limits::kNodesMax, "nodes"));
  for (const auto node : in) {
    nodes.push_back({.node = decode_node_id(node.getNode()),
                     .bytes = node.getBytes(),
                     .reads_per_second = decode_real(node.getReadsPerSecond(), "a rate"),
                     .writes_per_second = decode_real(node.getWritesPerSecond(), "a rate"),
                     .p99_us = node.getP99Us(),
                     .rest_p99_us = node.getRestP99Us(),
                     .faults = node.getFaults()});
  }
  return nodes;
}

void encode_node_load(const NodeLoadStatus& node, schema::Moves::NodeLoad::Builder out) {
  out.setNode(text_of(node.node.str()));
  out.setBytes(node.bytes);
  out.setReadsPerSecond(node.reads_per_second);
  out.setWritesPerSecond(node.writes_per_second);
  out.setP99Us(node.p99_us);
  out.setRestP99Us(node.rest_p99_us);
  out.setFaults(node.faults);
}

}  // namespace

messages::PlanResponse decode_plan(Decoding& decoding, schema::Plan::Reader in) {
  messages::PlanResponse response;
  response.plan = {.id = in.getId(),
                   .target = decode_placement(decoding, in.getTarget()),
                   .moves = decode_planned(decoding, in),
                   .primaries_moved = in.getPrimariesMoved(),
                   .moves_minimum = in.getMovesMinimum(),
                   .bytes = in.getBytes(),
                   .nodes = decode_balances(decoding, in.getNodes()),
                   .before = decode_spread(in.getBefore()),
                   .after = decode_spread(in.getAfter()),
                   .spreads_hot_primaries = in.getSpreadsHotPrimaries()};
  response.estimate = decode_long_ms(in.getEstimateMs());
  return response;
}

void encode_admin(const messages::PlanResponse& response, schema::Plan::Builder out) {
  const ring::Plan& plan = response.plan;
  out.setId(plan.id);
  out.setEstimateMs(long_ms(response.estimate));
  encode(plan.target, out.initTarget());
  const NamedNodes named = nodes_of(plan.moves);
  named.encode(out.initNamed(named.size()));
  auto moves = out.initMoves(size_of(plan.moves));
  for (unsigned i = 0; i < moves.size(); ++i) {
    auto move = moves[i];
    encode_move(plan.moves[i], named.numbers(), move);
    move.setBytes(plan.moves[i].bytes);
  }
  out.setBytes(plan.bytes);
  out.setPrimariesMoved(plan.primaries_moved);
  out.setMovesMinimum(plan.moves_minimum);
  auto nodes = out.initNodes(size_of(plan.nodes));
  for (unsigned i = 0; i < nodes.size(); ++i) {
    auto node = nodes[i];
    node.setNode(text_of(plan.nodes[i].node.str()));
    node.setShare(plan.nodes[i].share);
    encode_load(plan.nodes[i].before, node.initBefore());
    encode_load(plan.nodes[i].after, node.initAfter());
  }
  encode_spread(plan.before, out.initBefore());
  encode_spread(plan.after, out.initAfter());
  out.setSpreadsHotPrimaries(plan.spreads_hot_primaries);
}

std::size_t words_of_admin(const messages::PlanResponse& response) {
  const ring::Plan& plan = response.plan;
  std::size_t words = struct_words<schema::Plan>() + words_of(plan.target) + nodes_of(plan.moves).words() +
                      2 * kListTagWords + plan.moves.size() * struct_words<schema::Plan::Move>() +
                      2 * struct_words<schema::Plan::Spread>();
  for (const NodeBalance& node : plan.nodes) {
    words += struct_words<schema::Plan::Balance>() + words_for_text(node.node.str()) +
             2 * struct_words<schema::Plan::Load>();
  }
  return words;
}

messages::MovesResponse decode_moves(Decoding& decoding, schema::Moves::Reader in) {
  return {.policy = decode_policy(in.getPolicy()),
          .limits = decode_limits(in.getLimits()),
          .moves = decode_open_moves(decoding, in),
          .bytes_done = in.getBytesDone(),
          .bytes_total = in.getBytesTotal(),
          .moves_done = in.getMovesDone(),
          .moves_total = in.getMovesTotal(),
          .bytes_per_second = decode_real(in.getBytesPerSecond(), "a rate"),
          .nodes = decode_node_loads(decoding, in.getNodes())};
}

void encode_admin(const messages::MovesResponse& response, schema::Moves::Builder out) {
  encode_policy(response.policy, out.initPolicy());
  encode_limits(response.limits, out.initLimits());
  const NamedNodes named = nodes_of(response.moves);
  named.encode(out.initNamed(named.size()));
  auto moves = out.initMoves(size_of(response.moves));
  for (unsigned i = 0; i < moves.size(); ++i) {
    auto move = moves[i];
    encode_move(response.moves[i], named.numbers(), move);
    move.setStage(static_cast<schema::Moves::Stage>(response.moves[i].stage));
    move.setBytesDone(response.moves[i].bytes_done);
    move.setBytesTotal(response.moves[i].bytes_total);
    move.setNodeDown(response.moves[i].node_down);
  }
  out.setBytesDone(response.bytes_done);
  out.setBytesTotal(response.bytes_total);
  out.setMovesDone(response.moves_done);
  out.setMovesTotal(response.moves_total);
  out.setBytesPerSecond(response.bytes_per_second);
  auto nodes = out.initNodes(size_of(response.nodes));
  for (unsigned i = 0; i < nodes.size(); ++i) encode_node_load(response.nodes[i], nodes[i]);
}

std::size_t words_of_admin(const messages::MovesResponse& response) {
  std::size_t words = struct_words<schema::Moves>() + struct_words<schema::MovePolicy>() +
                      struct_words<schema::MoveLimits>() + nodes_of(response.moves).words() + 2 * kListTagWords +
                      response.moves.size() * struct_words<schema::Moves::Move>();
  for (const NodeLoadStatus& node : response.nodes) {
    words += struct_words<schema::Moves::NodeLoad>() + words_for_text(node.node.str());
  }
  return words;
}

messages::HotResponse decode_hot(Decoding& decoding, schema::Hot::Reader in) {
  messages::HotResponse response;
  const auto keys = in.getKeys();
  response.keys.reserve(decoding.count(keys.size(), limits::kHotKeysPageMax, "keys"));
  for (const auto key : keys) {
    response.keys.push_back({.key = decoding.key(key.getKey()),
                             .partition = decode_partition(key.getPartition()),
                             .per_second = decode_real(key.getPerSecond(), "a rate"),
                             .error = decode_real(key.getError(), "an error")});
  }
  response.partitions = decode_load_items(decoding, in.getPartitions());
  return response;
}

void encode_admin(const messages::HotResponse& response, schema::Hot::Builder out) {
  auto keys = out.initKeys(size_of(response.keys));
  for (unsigned i = 0; i < keys.size(); ++i) {
    const HotKey& hot = response.keys[i];
    auto key = keys[i];
    key.setKey(data_of(hot.key));
    key.setPartition(hot.partition.value());
    key.setPerSecond(hot.per_second);
    key.setError(hot.error);
  }
  encode_load_items(response.partitions, out.initPartitions(size_of(response.partitions)));
}

std::size_t words_of_admin(const messages::HotResponse& response) {
  std::size_t words = struct_words<schema::Hot>() + kListTagWords + words_of_load_items(response.partitions);
  for (const HotKey& key : response.keys) words += struct_words<schema::Hot::Key>() + words_for(key.key.size());
  return words;
}

}  // namespace gyre::wire
