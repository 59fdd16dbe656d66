#include "ring/slot.h"

#include <array>
#include <bit>

#include "base/assert.h"

namespace gyre::ring {

namespace {

constexpr std::uint16_t kPolynomial = 0x1021;

// What each value of the high byte leaves behind after eight shifts.
constexpr std::array<std::uint16_t, 256> make_crc_table() {
  std::array<std::uint16_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) ? (crc << 1) ^ kPolynomial : crc << 1;
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}

constexpr auto kCrcTable = make_crc_table();

}  // namespace

std::uint16_t crc16(std::string_view bytes) {
  std::uint16_t crc = 0;
  for (const char c : bytes) {
    const auto index = static_cast<std::uint8_t>((crc >> 8) ^ static_cast<std::uint8_t>(c));
    crc = static_cast<std::uint16_t>((crc << 8) ^ kCrcTable[index]);
  }
  return crc;
}

std::string_view hash_tag(std::string_view key) {
  const auto open = key.find('{');
  if (open == std::string_view::npos) return key;
  const auto close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

Slot slot_of(std::string_view key) { return Slot(static_cast<std::uint16_t>(crc16(hash_tag(key)) % limits::kSlots)); }

Partitioning::Partitioning(std::uint32_t partitions)
    : shift_(static_cast<std::uint32_t>(std::countr_zero(limits::kSlots) - std::countr_zero(partitions))) {
  GYRE_ASSERT(valid(partitions));
}

bool Partitioning::valid(std::uint32_t partitions) {
  return std::has_single_bit(partitions) && partitions <= limits::kSlots;
}

SlotRange Partitioning::slots(PartitionId partition) const {
  const std::uint32_t index = partition.value();
  return {index << shift_, (index + 1) << shift_};
}

}  // namespace gyre::ring
