// A table of what is open: dense slots, keys that are never reused for something else.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace gyre::runtime {

// Key: an Id over std::uint64_t. Its low 32 bits are the slot, its high 32 bits how often the slot was used.
template <class Key, class Value>
class RequestTable {
 public:
  Key insert(Value value) {
    std::uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    ++slots_[slot].uses;
    slots_[slot].value.emplace(std::move(value));
    return Key((std::uint64_t{slots_[slot].uses} << 32) | slot);
  }

  // Null: no such key, or taken already. Valid until the next insert.
  Value* find(Key key) {
    Slot* slot = slot_of(key);
    return slot ? &*slot->value : nullptr;
  }

  std::optional<Value> take(Key key) {
    Slot* slot = slot_of(key);
    if (slot == nullptr) return std::nullopt;
    std::optional<Value> value = std::exchange(slot->value, std::nullopt);
    free_.push_back(static_cast<std::uint32_t>(key.value()));
    return value;
  }

  std::size_t size() const { return slots_.size() - free_.size(); }

 private:
  struct Slot {
    std::uint32_t uses = 0;
    std::optional<Value> value;
  };

  Slot* slot_of(Key key) {
    const auto index = static_cast<std::uint32_t>(key.value());
    if (index >= slots_.size()) return nullptr;
    Slot& slot = slots_[index];
    return slot.value && slot.uses == key.value() >> 32 ? &slot : nullptr;
  }

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace gyre::runtime
