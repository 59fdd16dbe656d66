#include "routing/session.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "routing/options.h"

namespace gyre::routing {

bool Session::take_loss(PartitionId partition) { return std::exchange(of(partition).lost, std::nullopt).has_value(); }

void Session::on_told(PartitionId partition, Position asked, Position now) {
  Partition& state = of(partition);
  state.lost.reset();
  if (state.seen == asked) state.seen = now;
}

std::optional<Lost> Session::on_answer(PartitionId partition, Position asked, const messages::Standing& standing) {
  Partition& state = of(partition);
  if (!standing.history.empty()) learn(state, asked.term, standing.history);
  if (is_lost(state, state.seen)) {
    state.lost = std::max(state.lost.value_or(Position()), state.seen);
    // A member that knows of the later term has all that survived of the earlier ones.
    state.seen = is_lost(state, standing.position) ? Position() : standing.position;
  }
  see(state, standing.position);
  const bool told = state.doubtful && is_settled(state, state.doubtful->version, state.acknowledged.version.term);
  if (told) state.doubtful.reset();
  std::optional<Lost> lost;
  if (told || is_lost(state, state.acknowledged.version)) lost = take_lost_writes(partition);
  trim(state);
  return lost;
}

std::optional<Lost> Session::on_acknowledged(Instant now, PartitionId partition, const messages::WriteRequest& write,
                                             const messages::WriteResponse& response) {
  Partition& state = of(partition);
  const std::size_t count = std::min(write.operations.size(), response.outcomes.size());
  bool lost = false;
  for (std::size_t i = 0; i < count; ++i) {
    const messages::WriteOutcome& outcome = response.outcomes[i];
    if (!outcome.changed) continue;
    const Lost::Write entry{write.operations[i].key, outcome.version};
    add(state, entry);
    acknowledged_.push_back({now, partition, entry});
    see(state, outcome.version);
    lost = lost || is_lost(state, outcome.version);
  }
  forget_old(now);
  if (!lost) return std::nullopt;
  return take_lost_writes(partition);
}

const Lost::Write* Session::unsure(PartitionId partition, Term term) const {
  const Partition& state = of(partition);
  if (state.doubtful && state.doubtful->version.term < term) return &*state.doubtful;
  const Lost::Write& newest = state.acknowledged;
  if (newest.version == Position() || newest.version.term >= term) return nullptr;
  return is_settled(state, newest.version, term) ? nullptr : &newest;
}

SessionToken Session::token(const ClusterId& cluster) const {
  SessionToken token{cluster, {}};
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    const Position seen = partitions_[i].lost.value_or(partitions_[i].seen);
    if (seen != Position()) token.seen.push_back({PartitionId(static_cast<std::uint16_t>(i)), seen});
  }
  return token;
}

Result<void> Session::resume(const ClusterId& cluster, const SessionToken& token) {
  if (token.cluster != cluster) {
    return fail(ErrorCode::wrong_cluster, fmt::format("the session token belongs to cluster {}, this client to {}",
                                                      token.cluster.str(), cluster.str()));
  }
  if (!token.seen.empty() && token.seen.back().partition.value() >= partitions_.size()) {
    return fail(ErrorCode::invalid_argument, fmt::format("the session token names partition {}, but the cluster has {}",
                                                         token.seen.back().partition.value(), partitions_.size()));
  }
  for (const auto& [partition, position] : token.seen) see(of(partition), position);
  return {};
}

void Session::reset() {
  for (Partition& state : partitions_) {
    state.seen = Position();
    state.lost.reset();
  }
}

bool Session::is_lost(const Partition& state, Position position) {
  const auto later = std::ranges::upper_bound(state.starts, position.term, {}, &messages::TermStart::term);
  if (later == state.starts.end() || position == Position()) return false;
  if (later->first <= position.sequence) return true;
  const bool own_is_there = later != state.starts.begin() && std::prev(later)->term == position.term;
  return position.term >= state.reach && !own_is_there;
}

bool Session::is_settled(const Partition& state, Position position, Term term) {
  return !state.starts.empty() && state.starts.back().term >= term && state.judged <= position.term;
}

// `starts`: of all terms from `asked` on, as one member knows them, or from the last one before it that survived. Those
// between what is known and `asked` are missed where the session has seen a later term without being told how it began:
// by a token, or after a reset.
void Session::learn(Partition& state, Term asked, const messages::TermHistory& starts) {
  auto& known = state.starts;
  if (!known.empty() && known.back().term > starts.back().term) return;
  const bool gap = known.empty() || known.back().term < asked;
  state.reach = gap ? asked : std::min(state.reach, asked);
  state.judged = gap ? asked : std::min(state.judged, asked);
  // Who began at or behind where these begin is of a history that did not survive.
  const Sequence first = starts.front().first;
  std::erase_if(known, [&](const messages::TermStart& start) { return start.term >= asked || start.first >= first; });
  known.insert(known.end(), starts.begin(), starts.end());
}

// Not before what the oldest of them show to be lost was taken out.
void Session::trim(Partition& state) {
  auto& known = state.starts;
  if (known.size() <= kTermStartsKept) return;
  known.erase(known.begin(), known.end() - static_cast<std::ptrdiff_t>(kTermStartsKept));
  state.reach = std::max(state.reach, known.front().term);
}

// An answer that was late may show what is lost already.
void Session::see(Partition& state, Position position) {
  if (is_lost(state, position)) {
    state.lost = std::max(state.lost.value_or(Position()), position);
  } else {
    state.seen = std::max(state.seen, position);
  }
}

// An acknowledgement may come out of order, and without a word on the terms since the write before.
void Session::add(Partition& state, Lost::Write write) {
  if (write.version.term < state.reach) state.judged = std::max(state.judged, state.reach);
  if (write.version > state.acknowledged.version) std::swap(write, state.acknowledged);
  const Term newest = state.acknowledged.version.term;
  const bool doubted = write.version != Position() && write.version.term < newest;
  if (!doubted || is_settled(state, write.version, newest)) return;
  if (!state.doubtful || write.version.term < state.doubtful->version.term) state.doubtful = std::move(write);
}

// Also of writes that are no longer remembered one by one.
std::optional<Lost> Session::take_lost_writes(PartitionId partition) {
  Partition& state = of(partition);
  Lost lost{partition, {}, forget_lost(state)};
  Lost::Write newest = state.forgotten;
  std::erase_if(acknowledged_, [&](Acknowledged& entry) {
    if (entry.partition != partition) return false;
    if (!is_lost(state, entry.write.version)) {
      if (entry.write.version > newest.version) newest = entry.write;
      return false;
    }
    lost.writes.push_back(std::move(entry.write));
    return true;
  });
  state.acknowledged = std::move(newest);
  if (lost.writes.empty() && !lost.more) return std::nullopt;
  return lost;
}

// True: some of the writes that are forgotten are lost, or may be. How far the others go is no longer known, only that
// they are below where the loss begins, in the term that survived there.
bool Session::forget_lost(Partition& state) {
  Position& newest = state.forgotten.version;
  if (!is_lost(state, newest)) return false;
  for (const messages::TermStart& start : state.starts) {
    const bool takes = start.term > newest.term && start.first <= newest.sequence;
    if (takes) newest.sequence = Sequence(std::max<std::uint64_t>(start.first.value(), 1) - 1);
  }
  newest.term = Term(std::max<std::uint64_t>(state.reach.value(), 1) - 1);  // or before
  for (const messages::TermStart& start : state.starts) {
    if (start.first <= newest.sequence) newest.term = start.term;
  }
  if (newest.sequence == Sequence()) state.forgotten = {};
  return true;
}

void Session::forget_old(Instant now) {
  while (!acknowledged_.empty() &&
         (acknowledged_.size() > kAcknowledgedKept || now - acknowledged_.front().at > kAcknowledgedLife)) {
    Acknowledged& oldest = acknowledged_.front();
    Lost::Write& forgotten = of(oldest.partition).forgotten;
    if (oldest.write.version > forgotten.version) forgotten = std::move(oldest.write);
    acknowledged_.pop_front();
  }
}

}  // namespace gyre::routing
