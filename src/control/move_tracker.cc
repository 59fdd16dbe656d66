#include "control/move_tracker.h"

#include <algorithm>

namespace gyre::control {

namespace {

std::size_t planned_partitions(const ClusterState& state) {
  return std::min(state.map.entries.size(), state.target.partitions.size());
}

}  // namespace

bool MoveTracker::update(const View& view, const ClusterStatePtr& state, const LoadTable& loads) {
  const bool was_open = !open_.empty();
  if (seen_ == nullptr || seen_->target != state->target) {
    for (std::size_t i = 0; i < planned_partitions(*state); ++i) {
      replan(view, PartitionId(static_cast<std::uint16_t>(i)));
    }
    if (!was_open && !open_.empty()) {
      bytes_done_ = 0;
      moves_done_ = 0;
    }
  }
  seen_ = state;
  for (auto& [partition, moves] : open_) {
    std::erase_if(moves, [&, partition = partition](Move& move) {
      const bool was_copied = move.stage > Stage::copying;
      const bool goes_on = advance(view, partition, move);
      if (!was_copied && (!goes_on || move.stage != Stage::waiting))
        move.bytes = bytes_of(view, partition, move, loads);
      if (goes_on) return false;
      ++moves_done_;
      bytes_done_ += move.bytes;
      return true;
    });
  }
  std::erase_if(open_, [](const auto& of) { return of.second.empty(); });
  return was_open && open_.empty();
}

// What is under way goes on where the new target still wants it.
void MoveTracker::replan(const View& view, PartitionId partition) {
  const std::vector<NodeId>& nodes = view.wanted(partition);
  std::vector<Move> moves;
  if (const auto open = open_.find(partition); open != open_.end()) moves = std::move(open->second);
  for (Move& move : moves) {
    if (!move.to.empty() && !among(nodes, move.to)) {
      move.to = NodeId();
      move.bytes = 0;
    }
    if (!move.from.empty() && among(nodes, move.from)) move.from = NodeId();
  }
  std::erase_if(moves, [](const Move& move) { return move.from.empty() && move.to.empty(); });
  add_open(view, partition, moves);
  if (moves.empty()) {
    open_.erase(partition);
  } else {
    open_[partition] = std::move(moves);
  }
}

// A process that begins cannot tell a copy that is being made from one that only fell behind: where the members are
// others than they should be, it takes it for the former.
void MoveTracker::add_open(const View& view, PartitionId partition, std::vector<Move>& moves) const {
  const ring::PartitionEntry& entry = view.entry(partition);
  if (entry.primary.empty()) return;
  const std::vector<NodeId>& nodes = view.wanted(partition);
  std::vector<NodeId> leaving = entry.members();
  std::erase_if(leaving, [&](const NodeId& node) {
    return among(nodes, node) || std::ranges::find(moves, node, &Move::from) != moves.end();
  });
  const bool incomplete = std::ranges::any_of(nodes, [&](const NodeId& node) { return !entry.has_member(node); });
  const bool begun = seen_ == nullptr && (incomplete || !leaving.empty());
  std::vector<NodeId> coming = nodes;
  std::erase_if(coming, [&](const NodeId& node) {
    const bool there = begun ? entry.find_in_sync(node) != nullptr : entry.has_member(node);
    return there || std::ranges::find(moves, node, &Move::to) != moves.end();
  });
  const auto first_without = [&](NodeId Move::* end) -> Move& {
    const auto half = std::ranges::find_if(
        moves, [&](const Move& move) { return (move.*end).empty() && move.stage != Stage::deleting; });
    Move& move = half != moves.end() ? *half : moves.emplace_back();
    move.stage = Stage::waiting;
    return move;
  };
  for (const NodeId& node : coming) first_without(&Move::to).to = node;
  for (const NodeId& node : leaving) first_without(&Move::from).from = node;
}

bool MoveTracker::advance(const View& view, PartitionId partition, Move& move) const {
  const ring::PartitionEntry& entry = view.entry(partition);
  if (!move.to.empty() && entry.find_in_sync(move.to) == nullptr && move.stage <= Stage::copying) {
    move.stage = entry.has_member(move.to) ? Stage::copying : Stage::waiting;
    return true;
  }
  if (move.from.empty()) return false;
  if (entry.has_member(move.from)) {
    move.retired = false;
    move.stage = move.from == entry.primary ? Stage::handing_over : Stage::leaving;
    return true;
  }
  if (move.stage != Stage::deleting) {
    move.stage = Stage::deleting;
    move.deleting_since = view.now;
  }
  const bool waits = view.nodes.up(move.from) && view.map().find_node(move.from) != nullptr &&
                     view.now - move.deleting_since < kDeletionPatience;
  return waits && !move.retired;
}

void MoveTracker::on_retired(const NodeId& node, PartitionId partition) {
  const auto open = open_.find(partition);
  // A member that says so is told of an earlier membership.
  if (open == open_.end() || seen_->map.entries[partition.value()].has_member(node)) return;
  for (Move& move : open->second) {
    if (move.from == node) move.retired = true;
  }
}

// What was known while it was copied: a new primary has not yet measured what it has.
std::uint64_t MoveTracker::bytes_of(const View& view, PartitionId partition, const Move& move,
                                    const LoadTable& loads) const {
  if (move.to.empty()) return 0;
  const LoadTable::Transfer* transfer = loads.transfer(view.map(), partition, move.to, view.now);
  const bool whole = transfer != nullptr && transfer->bytes_total > 0;
  return whole ? transfer->bytes_total : std::max(move.bytes, loads.bytes_of(view.map(), partition));
}

messages::MovesResponse MoveTracker::status(const View& view, const LoadTable& loads) const {
  messages::MovesResponse status;
  status.policy = view.state.policy;
  status.limits = view.map().moves;
  status.bytes_done = status.bytes_total = bytes_done_;
  status.moves_done = status.moves_total = moves_done_;
  for (const auto& [partition, moves] : open_) {
    for (const Move& move : moves) {
      messages::MoveStatus one{partition, move.from, move.to, move.stage, 0, 0};
      const bool copied = move.stage > Stage::copying && move.bytes > 0;
      one.bytes_total = copied ? move.bytes : bytes_of(view, partition, move, loads);
      one.node_down = !view.nodes.up(one.acting_node());
      const LoadTable::Transfer* transfer = loads.transfer(view.map(), partition, move.to, view.now);
      if (move.stage == Stage::copying && transfer != nullptr) {
        one.bytes_done = std::min(transfer->bytes_sent, one.bytes_total);
      } else if (move.stage > Stage::copying) {
        one.bytes_done = one.bytes_total;
      }
      status.bytes_done += one.bytes_done;
      status.bytes_total += one.bytes_total;
      status.moves.push_back(std::move(one));
    }
  }
  status.moves_total += static_cast<std::uint32_t>(status.moves.size());
  status.bytes_per_second = loads.bytes_per_second(view.now);
  status.nodes = loads.status(view.map(), view.now);
  return status;
}

}  // namespace gyre::control
