#include "routing/timer_heap.h"

#include "base/assert.h"

namespace gyre::routing {

void TimerHeap::set(std::uint32_t key, Instant when) {
  if (key >= places_.size()) places_.resize(key + 1, kNowhere);
  const Entry entry{when, key};
  if (places_[key] == kNowhere) {
    heap_.push_back(entry);
    sift_up(heap_.size() - 1, entry);
    return;
  }
  const std::size_t index = places_[key];
  if (when < heap_[index].when) {
    sift_up(index, entry);
  } else {
    sift_down(index, entry);
  }
}

void TimerHeap::cancel(std::uint32_t key) {
  if (armed(key)) remove(places_[key]);
}

std::uint32_t TimerHeap::pop() {
  GYRE_ASSERT(!heap_.empty());
  const std::uint32_t key = heap_.front().key;
  remove(0);
  return key;
}

void TimerHeap::remove(std::size_t index) {
  places_[heap_[index].key] = kNowhere;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) return;
  if (index > 0 && last.when < heap_[(index - 1) / 2].when) {
    sift_up(index, last);
  } else {
    sift_down(index, last);
  }
}

void TimerHeap::place(std::size_t index, Entry entry) {
  heap_[index] = entry;
  places_[entry.key] = static_cast<std::uint32_t>(index);
}

void TimerHeap::sift_up(std::size_t index, Entry entry) {
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent].when <= entry.when) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, entry);
}

void TimerHeap::sift_down(std::size_t index, Entry entry) {
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].when < heap_[child].when) ++child;
    if (entry.when <= heap_[child].when) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, entry);
}

}  // namespace gyre::routing
