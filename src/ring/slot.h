// Slots and partitions: arithmetic on keys, the same as Redis Cluster's. No lookups.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "base/limits.h"

namespace gyre::ring {

// CRC16-XMODEM: polynomial 0x1021, initial value 0, no reflection. SOURCE: Redis Cluster specification.
std::uint16_t crc16(std::string_view bytes);

// The part of a key that decides its slot: what stands between the first '{' and the next '}', if not empty;
// else the whole key.
std::string_view hash_tag(std::string_view key);

Slot slot_of(std::string_view key);

// A half-open range of slots.
struct SlotRange {
  std::uint32_t first = 0;
  std::uint32_t end = 0;
};

// P partitions of equal numbers of slots. REQUIRES: valid(P).
class Partitioning {
 public:
  explicit Partitioning(std::uint32_t partitions);
  // A power of two from 1 to 16384.
  static bool valid(std::uint32_t partitions);

  std::uint32_t count() const { return limits::kSlots >> shift_; }
  PartitionId of(Slot slot) const { return PartitionId(static_cast<std::uint16_t>(slot.value() >> shift_)); }
  PartitionId of(std::string_view key) const { return of(slot_of(key)); }
  SlotRange slots(PartitionId partition) const;

 private:
  std::uint32_t shift_;
};

}  // namespace gyre::ring
