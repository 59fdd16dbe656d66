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

Machines::Machines(HostOptions options, Stored stored, Lost lost)
    : options_(std::move(options)),
      running_(options_.started),
      stored_(std::make_move_iterator(stored.begin()), std::make_move_iterator(stored.end())),
      lost_(std::move(lost)) {}

std::vector<Machine*> Machines::adopt(ring::ClusterMapPtr map, replication::MapSource source) {
  const bool from_store = source == replication::MapSource::store;
  const bool first_from_store = from_store && !map_from_store_;
  GYRE_ASSERT(map_ == nullptr || (from_store && map->epoch > map_->epoch) ||
              (first_from_store && map->epoch == map_->epoch));
  map_from_store_ = map_from_store_ || from_store;
  const ring::ClusterMapPtr before = std::exchange(map_, std::move(map));
  if (before == nullptr) create();
  const bool for_all =
      before == nullptr || first_from_store || before->shape != map_->shape || before->nodes != map_->nodes;
  std::vector<Machine*> concerned;
  for (const auto& machine : machines_) {
    const PartitionId id = machine->partition.id();
    if (for_all || before->entry(id) != map_->entry(id)) concerned.push_back(machine.get());
  }
  return concerned;
}

void Machines::create() {
  for (std::uint32_t p = options_.shard; p < map_->shape.partitions; p += options_.shards) {
    const PartitionId id(static_cast<std::uint16_t>(p));
    storage::StoredPartition stored;
    if (const auto found = stored_.find(id); found != stored_.end()) stored = std::move(found->second);
    machines_.push_back(std::make_unique<Machine>(
        replication::Partition({.id = id,
                                .self = options_.self,
                                .incarnation = options_.incarnation,
                                .generation = options_.generation,
                                .loses_nothing = options_.loses_nothing,
                                .started = options_.started,
                                .running = &running_,
                                .write_bytes_max = write_bytes_max(options_.value_bytes_max),
                                .snapshot_committed_bytes_max = options_.snapshot_committed_bytes_max,
                                .broken = options_.broken},
                               std::move(stored.state), std::move(stored.window), lost_[id]),
        machines_.size()));
  }
  rests_.resize(machines_.size());
  stored_.clear();
  lost_.clear();
}

Machine* Machines::find(PartitionId partition) {
  if (partition.value() % options_.shards != options_.shard) return nullptr;
  const std::size_t index = partition.value() / options_.shards;
  return index < machines_.size() ? machines_[index].get() : nullptr;
}

void Machines::touch(Machine& machine) {
  if (std::exchange(machine.touched, true)) return;
  touched_.push_back(&machine);
  if (!std::exchange(machine.changed, true)) changed_.push_back(&machine);
}

void Machines::touch_all() {
  for (const auto& machine : machines_) touch(*machine);
}

std::vector<Machine*> Machines::take_touched() {
  for (Machine* machine : touched_) machine->touched = false;
  return std::exchange(touched_, {});
}

std::vector<Machine*> Machines::take_changed() {
  for (Machine* machine : changed_) machine->changed = false;
  return std::exchange(changed_, {});
}

}  // namespace gyre::runtime
