// Things that go on later, in the order in which they came.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "base/time.h"

namespace gyre::net {

// Time is told from outside. INVARIANT: what came earlier never goes on later.
template <class T>
class DelayLine {
 public:
  bool empty() const { return items_.empty(); }
  // When the first one goes on; kNever: there is none.
  Instant next() const { return items_.empty() ? kNever : items_.front().first; }

  void add(Instant now, Duration delay, T item) {
    const Instant last = items_.empty() ? Instant::min() : items_.back().first;
    items_.emplace_back(std::max(now + delay, last), std::move(item));
  }
  // The first one if its time has come. Call again until it gives none.
  std::optional<T> take_due(Instant now) {
    if (items_.empty() || items_.front().first > now) return std::nullopt;
    std::optional<T> item(std::move(items_.front().second));
    items_.pop_front();
    return item;
  }

 private:
  std::deque<std::pair<Instant, T>> items_;
};

}  // namespace gyre::net
