#include "runtime/machines.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"

namespace gyre::runtime {

namespace {

// What fits into a frame of the wire besides its envelope, half of which is for a message's other parts.
std::size_t write_bytes_max(std::size_t value_bytes_max) {
  return std::max(value_bytes_max, limits::kFrameBytesFloor) + limits::kFrameEnvelopeBytes / 2;
}

}  // namespace

Machines::Machines(HostOptions options, Stored stored, const storage::Ledger& ledger)
    : options_(std::move(options)),
      ledger_(&ledger),
      stored_(std::make_move_iterator(stored.begin()), std::make_move_iterator(stored.end())) {}

void Machines::adopt(ring::ClusterMapPtr map, replication::MapSource source) {
  const bool from_store = source == replication::MapSource::store;
  const bool first_from_store = from_store && !map_from_store_;
  GYRE_ASSERT(map_ == nullptr || (from_store && map->epoch > map_->epoch) ||
              (first_from_store && map->epoch == map_->epoch));
  map_from_store_ = map_from_store_ || from_store;
  map_ = std::move(map);
  if (!machines_.empty()) return;
  for (std::uint32_t p = options_.shard; p < map_->shape.partitions; p += options_.shards) {
    const PartitionId id(static_cast<std::uint16_t>(p));
    storage::StoredPartition stored;
    if (const auto found = stored_.find(id); found != stored_.end()) stored = std::move(found->second);
    auto lost = lost_ids(id, stored.state.time);
    machines_.push_back(std::make_unique<Machine>(
        replication::Partition({.id = id,
                                .self = options_.self,
                                .incarnation = options_.incarnation,
                                .generation = options_.generation,
                                .loses_nothing = options_.loses_nothing,
                                .started = options_.started,
                                .write_bytes_max = write_bytes_max(options_.value_bytes_max),
                                .broken = options_.broken},
                               std::move(stored.state), std::move(stored.window), std::move(lost))));
  }
  stored_.clear();
}

// Twice the life of an id, as what this node has heard of the partition's time may be old. Without a copy it has heard
// of none, and an id may have been used for another write since.
std::vector<messages::WriteId> Machines::lost_ids(PartitionId partition, UnixMillis time) const {
  if (time == UnixMillis()) return {};
  return ledger_->lost_ids(partition, {time.value - 2 * to_ms(limits::kWriteIdLife)});
}

Machine* Machines::find(PartitionId partition) {
  if (partition.value() % options_.shards != options_.shard) return nullptr;
  const std::size_t index = partition.value() / options_.shards;
  return index < machines_.size() ? machines_[index].get() : nullptr;
}

void Machines::touch(Machine& machine) {
  if (std::exchange(machine.touched, true)) return;
  touched_.push_back(&machine);
}

void Machines::touch_all() {
  for (const auto& machine : machines_) touch(*machine);
}

std::vector<Machine*> Machines::take_touched() {
  for (Machine* machine : touched_) machine->touched = false;
  return std::exchange(touched_, {});
}

}  // namespace gyre::runtime
