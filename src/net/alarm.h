// The next moment at which somebody wants to be called, on a loop whose timers cannot be taken back.
#pragma once

#include <algorithm>
#include <utility>

#include "net/loop.h"

namespace gyre::net {

// Only an earlier moment than all that are set needs a timer; one that rings early does no harm. `ring` keeps this
// object alive, or the loop ends before it. THREAD: the loop's.
class Alarm {
 public:
  explicit Alarm(Loop& loop) : loop_(loop) {}

  void set(Instant at, Task ring) {
    if (at >= first_) return;
    first_ = at;
    loop_.after(std::max(at - steady_now(), Duration(0)), [this, at, ring = std::move(ring)]() mutable {
      if (first_ == at) first_ = kNever;
      ring();
    });
  }

 private:
  Loop& loop_;
  Instant first_ = kNever;  // of the timers that are set
};

}  // namespace gyre::net
