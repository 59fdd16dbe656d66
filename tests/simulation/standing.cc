#include "tests/simulation/standing.h"

#include <algorithm>
#include <utility>

namespace gyre::simulation {

// A coordinator that was not paused for longer than it notices (half of the detection time, and a heartbeat) has waited
// at least for the rest of the detection time when it gives somebody up. A fifth is for clocks and what is under way.
Duration Standing::patience() const {
  const Timing& timing = map_.shape.timing;
  return (timing.detection / 2 - timing.heartbeat) / 5 * 4;
}

void Standing::on_stored(const ring::ClusterMap& map) {
  map_ = map;
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    auto& standing = standing_[partition];
    Members now;
    for (const ring::InSyncMember& member : map.entries[i].in_sync) {
      if (!has_data(nodes_, member)) continue;
      const NodeIndex node = index_of(nodes_, member.node);
      const auto before = standing.find(node);
      now[node] = before == standing.end() ? scheduler_.now() : before->second;
    }
    standing = std::move(now);
    const Term term = map.entries[i].term;
    if (std::exchange(terms_[partition], term) == term) continue;
    std::erase_if(seals_, [partition](const auto& seal) { return seal.first.first == partition; });
    sealing_.erase(partition);
    unfit_.erase(partition);
  }
}

// --- What the coordinator could know ---

void Standing::on_coordinator_runs(std::optional<Duration> rested) {
  coordinator_runs_ = true;
  const Timing& timing = map_.shape.timing;
  if (!rested) {
    seals_.clear();
    sealing_.clear();
  }
  if (!rested || *rested > (timing.detection / 2 + timing.heartbeat) / 20 * 21) awake_since_ = scheduler_.now();
}

void Standing::on_coordinator_rests() {
  look();
  coordinator_runs_ = false;
}

void Standing::on_coordinator_sent(const NodeId& to, const messages::Message& message) {
  const auto* seal = std::get_if<messages::Seal>(&message);
  if (seal == nullptr) return;
  for (const auto& [partition, term] : seal->partitions) {
    seals_.try_emplace({partition, index_of(nodes_, to)}, scheduler_.now());
    sealing_.insert(partition);
  }
}

void Standing::on_coordinator_reached(const NodeId& from, const messages::Message* message) {
  const NodeIndex node = index_of(nodes_, from);
  look_at(node);
  heard_[node] = scheduler_.now();
  if (message == nullptr) return;
  if (const auto* sealed = std::get_if<messages::SealAnswer>(message)) {
    for (const auto& item : sealed->items) {
      const auto asked = seals_.find({item.partition, node});
      if (asked == seals_.end()) continue;
      look_at(asked->first, asked->second);
      seals_.erase(asked);
    }
  }
  // One that would go on with too few may be the one that is cut off.
  const auto* asked = std::get_if<messages::SetInSync>(message);
  if (asked != nullptr && !asked->release && asked->in_sync.size() < map_.shape.min_in_sync) {
    unfit_[asked->partition] = node;
    fail(node, asked->partition);
  }
  const auto* over = std::get_if<messages::HandedOver>(message);
  if (over != nullptr && over->successor.empty()) {
    unfit_[over->partition] = node;
    fail(node, over->partition);
  }
}

Standing::Decision Standing::now() {
  look();
  return {scheduler_.now(), standing_};
}

Standing::Decision Standing::at(std::uint64_t decision) {
  const auto noted = decisions_.extract(decision);
  return noted.empty() ? now() : noted.mapped();
}

void Standing::look() {
  for (NodeIndex node = 0; node < nodes_.size(); ++node) look_at(node);
  for (const auto& [seal, asked_at] : seals_) look_at(seal, asked_at);
  for (const auto& [partition, primary] : unfit_) {
    if (sealing_.contains(partition)) fail(primary, partition);
  }
}

void Standing::look_at(NodeIndex node) {
  const WorldTime since = std::max(heard_[node], awake_since_);
  if (coordinator_runs_ && scheduler_.now() - since >= patience()) fail(node);
}

void Standing::look_at(const Seal& seal, WorldTime asked_at) {
  const WorldTime since = std::max(asked_at, awake_since_);
  if (coordinator_runs_ && scheduler_.now() - since >= patience()) fail(seal.second, seal.first);
}

// --- Failures ---

void Standing::fail(NodeIndex node) {
  for (auto& [partition, standing] : standing_) {
    if (const auto found = standing.find(node); found != standing.end()) found->second = scheduler_.now();
  }
}

void Standing::fail(NodeIndex node, PartitionId partition) {
  auto& standing = standing_[partition];
  if (const auto found = standing.find(node); found != standing.end()) found->second = scheduler_.now();
}

}  // namespace gyre::simulation
