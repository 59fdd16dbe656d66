#include "resp/seen.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "routing/session_token.h"

namespace gyre::resp {

namespace {

// `starts`: of the terms from that of an earlier position on, its own among them if something of it survived.
bool is_lost(Position position, const messages::TermHistory& starts) {
  const auto later = std::ranges::upper_bound(starts, position.term, {}, &messages::TermStart::term);
  if (later == starts.end() || position == Position()) return false;
  const bool own_survived = later != starts.begin() && std::prev(later)->term == position.term;
  return !own_survived || later->first <= position.sequence;
}

}  // namespace

Position Seen::of(PartitionId partition) const {
  const auto known = entries_.find(partition);
  return known == entries_.end() ? Position() : known->second.seen;
}

bool Seen::take_loss(PartitionId partition) {
  const auto known = entries_.find(partition);
  return known != entries_.end() && std::exchange(known->second.lost, std::nullopt).has_value();
}

bool Seen::asks_primary(PartitionId partition) const {
  const auto known = entries_.find(partition);
  return known != entries_.end() && known->second.asks_primary;
}

void Seen::on_answer(PartitionId partition, Position asked, const messages::Standing& standing) {
  Entry& entry = entries_[partition];
  const bool another_term = entry.seen != Position() && standing.position.term != entry.seen.term;
  if (another_term && standing.history.empty() && !entry.asks_primary) {
    // What was asked for was older than what is seen by now, or the member has forgotten. The primary will tell.
    entry.asks_primary = true;
    return;
  }
  if (asked <= entry.seen && is_lost(entry.seen, standing.history)) {
    entry.lost = std::max(entry.lost.value_or(Position()), entry.seen);
    entry.seen = Position();
    entry.asks_primary = true;
  }
  if (is_lost(standing.position, standing.history)) return;
  entry.seen = std::max(entry.seen, standing.position);
  entry.asks_primary = false;
}

void Seen::on_lost(PartitionId partition, Position asked) {
  Entry& entry = entries_[partition];
  entry.lost = std::max(entry.lost.value_or(Position()), asked);
  entry.asks_primary = true;
  // Where another answer has gone on to a later term, that is what survived.
  if (entry.seen.term <= asked.term) entry.seen = Position();
}

std::string Seen::token(const ClusterId& cluster) const {
  routing::SessionToken token{cluster, {}};
  for (const auto& [partition, entry] : entries_) {
    const Position seen = entry.lost.value_or(entry.seen);
    if (seen != Position()) token.seen.push_back({partition, seen});
  }
  return to_string(token);
}

Result<void> Seen::resume(const ClusterId& cluster, std::size_t partitions, std::string_view token) {
  GYRE_TRY_SET(const routing::SessionToken parsed, routing::parse_session_token(token));
  if (parsed.cluster != cluster) {
    return fail(ErrorCode::wrong_cluster, fmt::format("the session token belongs to cluster {}, this one is {}",
                                                      parsed.cluster.str(), cluster.str()));
  }
  if (!parsed.seen.empty() && parsed.seen.back().partition.value() >= partitions) {
    return fail(ErrorCode::invalid_argument, fmt::format("the session token names partition {}, but the cluster has {}",
                                                         parsed.seen.back().partition.value(), partitions));
  }
  for (const auto& [partition, position] : parsed.seen) {
    Entry& entry = entries_[partition];
    entry.seen = std::max(entry.seen, position);
  }
  return {};
}

}  // namespace gyre::resp
