// Backpressure: new writes wait while another member has to catch up and cannot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace gyre::replication {

// Where writes never stop, a learner that takes no more of them a second than are written never comes within a
// heartbeat, is never in sync, and a move never ends. So a primary looks twice a second at how many writes each learner
// took, against how many were written. A learner that follows, is not close for kSlow, and gains too little on the
// primary is helped: half as many new writes are let pass as it took, fewer with each look while that is not enough,
// until it is in sync. Those that wait are few (a quarter of a second's worth; beyond: busy), so the delay is bounded.
// A learner that had a whole snapshot and needs another, because the log did not reach back to the first by then, is
// helped while it gets that: half of the writes pass, a quarter with the next.
//
// A learner that is paced takes a page at a time, more seldom than there are looks. One that took nothing is judged
// with the next look, over the whole span since it was judged last.
//
// It ends when the learner is in sync; when it takes nothing for kStuck; when for kPatience it has gained too little to
// be there within kTooLong; when it takes just what is written, however little (then it is far away, not slow); and
// with a snapshot that takes kTooLong. Then that member is not helped again for kRest, so that one that is slow for
// good slows the writers for a part of the time only. (Where too few would be in sync without it, they wait for it
// anyway: Primary::too_many_lag.)
//
// A member that is to take over may be hurried: it is helped at once, for what it lacks is the pause that writers see.
class Brake {
 public:
  // A member that is to catch up, as it is now.
  struct Learner {
    NodeId node;
    enum class State : std::uint8_t { other, following, snapshot } state = State::other;
    bool close = false;  // lacks nothing that is older than a heartbeat
    Sequence acknowledged;
    std::size_t snapshots = 0;  // whole ones it was given since it was in sync last
  };

  static constexpr Duration kLook = std::chrono::milliseconds(500);
  static constexpr Duration kSlow = std::chrono::seconds(3);
  static constexpr Duration kStuck = std::chrono::seconds(4);
  static constexpr Duration kPatience = std::chrono::seconds(15);
  static constexpr Duration kTooLong = std::chrono::minutes(10);
  static constexpr Duration kRest = std::chrono::minutes(1);

  explicit Brake(Instant now) : looked_at_(now), refilled_at_(now) {}

  // A look is due.
  bool due(Instant now) const { return now - looked_at_ >= kLook; }
  // `committed`: by the primary. `learners`: all of them; who is not among them any more needs no help.
  void look(Instant now, Sequence committed, const std::vector<Learner>& learners);
  // Helps this one from now on. REQUIRES: it is among the learners of the next look.
  void hurry(Instant now, const NodeId& node);

  bool on() const { return rate_.has_value(); }
  // It watches nobody.
  bool idle() const { return watches_.empty(); }
  bool helps(const NodeId& node) const;
  // Some member that is helped. REQUIRES: on().
  const NodeId& helped() const;
  // May the next write have its place now? Counts it, if so.
  bool pass(Instant now);
  // So many may wait. REQUIRES: on().
  std::size_t waiting_max() const;

 private:
  // Where a learner and its primary were when the learner was judged last.
  struct Mark {
    Instant at;
    Sequence acknowledged;
    Sequence committed;
  };
  struct Watch {
    std::optional<Mark> mark;  // while it follows and is not close
    std::optional<Instant> slow_since;
    std::optional<Instant> helped_since;
    // While it is helped.
    double rate = 0;  // writes a second that pass
    double free_rate = 0;  // that were written when this began
    Instant gained_at;  // when it last gained on the primary, enough to be there before long
    int lowered = 0;  // so often, since then
    Instant rest_until;
  };

  void judge(Instant now, const Learner& learner, Watch& watch);
  void judge_follower(Instant now, const Learner& learner, Watch& watch);
  void help(Instant now, Watch& watch, double written, double rate);
  void end(Instant now, Watch& watch);
  void set_rate();

  Instant looked_at_;
  Sequence committed_;  // at the last look
  double written_ = 0;  // writes a second before that
  std::map<NodeId, Watch> watches_;
  std::optional<double> rate_;  // the least of all
  double tokens_ = 0;
  Instant refilled_at_;
};

}  // namespace gyre::replication
