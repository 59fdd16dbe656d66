#include "tests/simulation/promises.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gyre::simulation {

// As the primary knows it now, or knew it when its turn began: with the data that they are in it with, or not.
std::map<NodeIndex, bool> Promises::known_in_sync(NodeIndex primary, PartitionId partition) const {
  std::map<NodeIndex, bool> known;
  for (const auto& map : {nodes_[primary]->map(), nodes_[primary]->map_before_turn()}) {
    if (map == nullptr) continue;
    for (const ring::InSyncMember& member : map->entry(partition).in_sync) {
      bool& data = known[index_of(nodes_, member.node)];
      data = data || has_data(nodes_, member);
    }
  }
  return known;
}

// The one it serves in, by the map that it knows; a retry may be acknowledged in a later term than it was written in.
Term Promises::term_of(NodeIndex primary, PartitionId partition, Term written) const {
  Term term = written;
  for (const auto& map : {nodes_[primary]->map(), nodes_[primary]->map_before_turn()}) {
    if (map == nullptr || map->entry(partition).primary != nodes_[primary]->id()) continue;
    term = std::max(term, map->entry(partition).term);
  }
  return term;
}

void Promises::on_acknowledged(NodeIndex primary, const Write& write, std::uint32_t min_in_sync) {
  const Standing::Decision now = standing_.now();
  const auto in_partition = now.standing.find(write.partition);
  const Standing::Members standing = in_partition == now.standing.end() ? Standing::Members{} : in_partition->second;
  Promise promise{write.position, write.ack, truth_.applied_at(write.partition, write.position), scheduler_.now(), {}};
  for (const auto& [node, data] : known_in_sync(primary, write.partition)) {
    const auto stands = standing.find(node);
    if (data && truth_.holds(node, write.partition, write.position)) {
      promise.holders.push_back(node);
    } else if (truth_.ever_held(node, write.partition, write.position)) {
      promise.failed += stands == standing.end() || stands->second >= promise.applied_at ? 1 : 0;
    }
  }
  const std::size_t wanted = write.ack == messages::kAckAll ? min_in_sync : write.ack;
  if (promise.holders.size() + promise.failed < wanted) {
    notice_({Notice::Kind::safety, "acknowledgement",
             fmt::format("{} acknowledges {} of partition {}: {} members in sync have it, {} were asked for",
                         name_of(primary), to_string(write.position), write.partition.value(), promise.holders.size(),
                         wanted)});
  }
  if (write.ack == messages::kAckAll || write.ack == messages::kAckOne) return;
  // A process that was fenced may not know yet that a later term has begun.
  const Term serves = term_of(primary, write.partition, write.position.term);
  for (const Begun& begun : begun_[write.partition]) {
    if (begun.term > serves && !keeps(write.partition, begun, promise)) return;
  }
  promises_[write.partition].push_back(std::move(promise));
}

void Promises::on_term(PartitionId partition, Term term, NodeIndex primary, const Standing::Decision& decision,
                       bool given_up) {
  const auto standing = decision.standing.find(partition);
  const Begun begun{term, truth_.held(primary, partition).position, decision.at,
                    standing == decision.standing.end() ? Standing::Members{} : standing->second, given_up};
  std::erase_if(promises_[partition], [&](const Promise& promise) { return !keeps(partition, begun, promise); });
  begun_[partition].push_back(begun);
}

bool Promises::keeps(PartitionId partition, const Begun& begun, const Promise& promise) {
  // What was acknowledged after the decision must have been safe ever since it was applied.
  const bool before = promise.acknowledged_at <= begun.decided_at;
  const WorldTime since = before ? promise.acknowledged_at : promise.applied_at;
  const auto since_then = std::ranges::count_if(promise.holders, [&](NodeIndex node) {
    const auto stands = begun.standing.find(node);
    return stands == begun.standing.end() || stands->second > since || stands->second >= begun.decided_at;
  });
  const std::size_t failed = promise.failed + static_cast<std::size_t>(since_then);
  const bool binds = failed < promise.n && !begun.given_up;
  if (binds) ++bound_;
  if (truth_.contains(partition, begun.from, promise.position)) return true;
  if (binds) {
    notice_({Notice::Kind::safety, "promise of n",
             fmt::format("{} of partition {} was acknowledged by {}, and term {} begins without it, though only {} of "
                         "the {} members that held it have failed",
                         to_string(promise.position), partition.value(), promise.n, begun.term.value(), failed,
                         promise.failed + promise.holders.size())});
  }
  return false;
}

}  // namespace gyre::simulation
