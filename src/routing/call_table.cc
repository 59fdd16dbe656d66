#include "routing/call_table.h"

#include <utility>

#include "base/assert.h"
#include "routing/options.h"

namespace gyre::routing {

namespace {

// A request's id is its serial number times this, plus the slot of its call. The highest slot is nobody's.
constexpr std::uint64_t kSlotSpan = std::uint64_t{kCallSlotsMax} + 1;

}  // namespace

CallSlot CallTable::add(PendingCall call) {
  if (free_.empty()) {
    GYRE_ASSERT(calls_.size() < kCallSlotsMax);
    calls_.push_back(std::move(call));
    return CallSlot(static_cast<std::uint32_t>(calls_.size() - 1));
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  calls_[index] = std::move(call);
  return CallSlot(index);
}

void CallTable::remove(CallSlot slot) {
  calls_[slot.value()] = PendingCall{};
  free_.push_back(slot.value());
}

RequestId CallTable::open_attempt(CallSlot slot) {
  return calls_[slot.value()].request = RequestId(++serial_ * kSlotSpan + slot.value());
}

RequestId CallTable::open_hedge(CallSlot slot) {
  return calls_[slot.value()].hedge.request = RequestId(++serial_ * kSlotSpan + slot.value());
}

RequestId CallTable::foreign_id() { return RequestId(++serial_ * kSlotSpan + kCallSlotsMax); }

std::optional<CallSlot> CallTable::find(RequestId id) const {
  const std::uint64_t index = id.value() % kSlotSpan;
  if (index >= calls_.size() || id == RequestId()) return std::nullopt;
  if (calls_[index].request != id && calls_[index].hedge.request != id) return std::nullopt;
  return CallSlot(static_cast<std::uint32_t>(index));
}

}  // namespace gyre::routing
