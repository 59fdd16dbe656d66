#include "resp/cursors.h"

#include <utility>

#include "base/limits.h"

namespace gyre::resp {

std::uint64_t Cursors::keep(const ScanPlace& place) {
  if (place.after.empty()) return kPlain + place.partition.value();
  const std::lock_guard lock(mutex_);
  next_ = next_ % (kPlain - 1) + 1;
  kept_.push_back({next_, {place.partition, Bytes::copy_of(place.after.view())}});  // not the page it came in
  places_[next_] = std::prev(kept_.end());
  if (kept_.size() > kKept) {
    places_.erase(kept_.front().cursor);
    kept_.pop_front();
  }
  return next_;
}

std::optional<ScanPlace> Cursors::find(std::uint64_t cursor) const {
  if (cursor >= kPlain) {
    if (cursor - kPlain >= limits::kSlots) return std::nullopt;
    return ScanPlace{PartitionId(static_cast<std::uint16_t>(cursor - kPlain)), {}};
  }
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(cursor);
  if (found == places_.end()) return std::nullopt;
  return found->second->place;
}

}  // namespace gyre::resp
