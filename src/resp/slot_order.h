// Which commands of a pipeline may run beside each other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/ids.h"

namespace gyre::resp {

// What a command does to the keys of its slot, as far as the order of others depends on it.
enum class Effect : std::uint8_t {
  none,
  read,
  write,   // in the order in which it was asked for, before reads and writes that are asked for later
  update,  // in no order: nothing else of the slot runs beside it
};

// Reads run beside reads; an update waits for all of its slot before it, and all of its slot waits for an update. A
// command of many slots (no slot) counts for every one. Slots share a mark by chance; they then wait without need.
class SlotOrder {
 public:
  bool must_wait(Effect effect, std::optional<Slot> slot) const {
    if (effect == Effect::none) return false;
    const std::size_t updates = slot ? updates_[mark(*slot)] + updates_of_all_ : updates_open_;
    if (updates > 0) return true;
    const std::size_t reads = slot ? reads_[mark(*slot)] + reads_of_all_ : reads_open_;
    return effect != Effect::read && reads > 0;
  }
  void begin(Effect effect, std::optional<Slot> slot) { count(effect, slot, 1); }
  void end(Effect effect, std::optional<Slot> slot) { count(effect, slot, -1); }

 private:
  static constexpr std::size_t kMarks = 1024;
  static std::size_t mark(Slot slot) { return slot.value() % kMarks; }

  void count(Effect effect, std::optional<Slot> slot, int by) {
    if (effect == Effect::read) add(slot ? reads_[mark(*slot)] : reads_of_all_, reads_open_, by);
    if (effect == Effect::update) add(slot ? updates_[mark(*slot)] : updates_of_all_, updates_open_, by);
  }
  static void add(std::uint16_t& one, std::uint16_t& all, int by) {
    one = static_cast<std::uint16_t>(one + by);
    all = static_cast<std::uint16_t>(all + by);
  }

  std::array<std::uint16_t, kMarks> reads_{};
  std::array<std::uint16_t, kMarks> updates_{};
  std::uint16_t reads_of_all_ = 0;
  std::uint16_t updates_of_all_ = 0;
  std::uint16_t reads_open_ = 0;
  std::uint16_t updates_open_ = 0;
};

}  // namespace gyre::resp
