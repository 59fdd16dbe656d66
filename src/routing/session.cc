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
  if (!is_lost(state, state.acknowledged.version)) return std::nullopt;
  return take_lost_writes(partition);
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
    if (entry.version > state.acknowledged.version) state.acknowledged = entry;
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
  const Lost::Write& newest = state.acknowledged;
  if (newest.version == Position() || newest.version.term >= term) return nullptr;
  const bool told = !state.starts.empty() && state.starts.back().term > newest.version.term;
  return told ? nullptr : &newest;
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
  return std::ranges::any_of(state.starts, [&](const messages::TermStart& start) {
    return start.term > position.term && start.first <= position.sequence;
  });
}

// `starts`: of all terms behind `behind`, as one member knows them.
void Session::learn(Partition& state, Term behind, const messages::TermHistory& starts) {
  auto& known = state.starts;
  if (!known.empty() && known.back().term > starts.back().term) return;
  std::erase_if(known, [&](const messages::TermStart& start) { return start.term > behind; });
  known.insert(known.end(), starts.begin(), starts.end());
  if (known.size() > kTermStartsKept) {
    known.erase(known.begin(), known.end() - static_cast<std::ptrdiff_t>(kTermStartsKept));
  }
}

// An answer that was late may show what is lost already.
void Session::see(Partition& state, Position position) {
  if (is_lost(state, position)) {
    state.lost = std::max(state.lost.value_or(Position()), position);
  } else {
    state.seen = std::max(state.seen, position);
  }
}

// Also of writes that are no longer remembered one by one.
std::optional<Lost> Session::take_lost_writes(PartitionId partition) {
  Partition& state = of(partition);
  Lost lost{partition, {}, is_lost(state, state.forgotten)};
  std::erase_if(acknowledged_, [&](Acknowledged& entry) {
    if (entry.partition != partition || !is_lost(state, entry.write.version)) return false;
    lost.writes.push_back(std::move(entry.write));
    return true;
  });
  if (lost.more) state.forgotten = Position();
  if (is_lost(state, state.acknowledged.version)) state.acknowledged = {};
  return lost;
}

void Session::forget_old(Instant now) {
  while (!acknowledged_.empty() &&
         (acknowledged_.size() > kAcknowledgedKept || now - acknowledged_.front().at > kAcknowledgedLife)) {
    Partition& state = of(acknowledged_.front().partition);
    state.forgotten = std::max(state.forgotten, acknowledged_.front().write.version);
    acknowledged_.pop_front();
  }
}

}  // namespace gyre::routing
