// One timer for each of many small integers: an indexed binary heap, so that re-arming and cancelling leave nothing
// behind however many calls end before their deadline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace gyre::routing {

class TimerHeap {
 public:
  // Arms or re-arms the timer of `key`.
  void set(std::uint32_t key, Instant when);
  // Nothing happens if it is not armed.
  void cancel(std::uint32_t key);

  bool armed(std::uint32_t key) const { return key < places_.size() && places_[key] != kNowhere; }
  std::size_t size() const { return heap_.size(); }
  // When the earliest fires; kNever: none is armed.
  Instant next() const { return heap_.empty() ? kNever : heap_.front().when; }
  // Disarms the earliest and gives its key. REQUIRES: size() > 0.
  std::uint32_t pop();

 private:
  struct Entry {
    Instant when;
    std::uint32_t key;
  };
  static constexpr std::uint32_t kNowhere = ~std::uint32_t{0};

  void place(std::size_t index, Entry entry);
  void sift_up(std::size_t index, Entry entry);
  void sift_down(std::size_t index, Entry entry);
  void remove(std::size_t index);

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> places_;  // by key: index in heap_
};

}  // namespace gyre::routing
