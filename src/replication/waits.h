// Answers that must not leave yet.
#pragma once

#include <array>
#include <deque>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"
#include "messages/request.h"
#include "replication/deadlines.h"
#include "replication/effect.h"

namespace gyre::replication {

// An answer waits until what it shows, everything up to a sequence, is held as its level asks: persisted here (one), by
// so many in-sync members, or by all that the primary counts. What a level holds never depends on another.
class Waits {
 public:
  struct Answer {
    Sequence after;
    Effect effect;  // WriteDone or ReadReady
    Instant valid_until = kNever;  // later, what was read is too old
    Instant deadline = kNever;  // later, nobody waits for it any more
  };

  static constexpr std::array kLevels = {messages::AckCount{1}, messages::AckCount{2}, messages::AckCount{3},
                                         messages::AckCount{4}, messages::AckCount{5}, messages::AckCount{6},
                                         messages::AckCount{7}, messages::kAckAll};
  static_assert(limits::kReplicationFactorMax == 7);

  // REQUIRES: `level` is one of kLevels.
  void add(messages::AckCount level, Answer answer);
  bool empty() const;
  bool empty(messages::AckCount level) const { return at(level).empty(); }
  // Some wait for other members.
  bool on_members() const;
  // Takes those of `level` out that wait for nothing behind `held`, in order.
  std::vector<Answer> take_through(messages::AckCount level, Sequence held);
  // Takes those out that wait for something behind `last`.
  std::vector<Answer> take_after(Sequence last);
  std::vector<Answer> take_all(messages::AckCount level);
  // Takes those out whose deadline has passed, by up to kDeadlineSlot. Costs next to nothing where there are none.
  std::vector<Answer> take_overdue(Instant now);

 private:
  using Line = std::deque<Answer>;  // by `after`

  Line& at(messages::AckCount level);
  const Line& at(messages::AckCount level) const;
  std::vector<Answer> take(Line& line, Line::iterator first, Line::iterator last);

  std::array<Line, kLevels.size()> lines_;
  Deadlines deadlines_;
};

// The answer that takes the place of `effect` when what it waited for fails.
Effect failed(Effect effect, const Error& error);

}  // namespace gyre::replication
