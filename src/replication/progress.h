// What a primary knows of one other member, and what it sends to it.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "messages/peer.h"
#include "replication/context.h"

namespace gyre::replication {

// What the messages of one moment have in common.
struct AppendHeader {
  Instant now;
  Term term;
  bool serving = false;
  bool may_wait = false;
  UnixMillis time;
};

// Of one term. The member is sent the term history until it says that its own matches; from there writes stream behind
// the position it named, at most kStreamBytesInFlightMax beyond what it acknowledged. A gap that it reports, or that a
// heartbeat lets it see, makes the stream go back to its position. Where memory does not reach, the log on disk is
// read; where that does not either, the member is told so by a history without writes behind its very position, and
// takes a snapshot. So is a member that has nothing yet: the partition's contents are no more than the log of all its
// writes, and lie together, while in the log they lie among those of all other partitions.
//
// INVARIANT: acknowledged() is what the member's present data held in this term; it goes back only with that data.
class Progress {
 public:
  enum class State : std::uint8_t { probing, following, repairing };

  Progress(NodeId node, Generation generation, Instant now);

  // REQUIRES: of this term, by the generation of the member's present data. `lease`: what an answer is worth, from the
  // sending of what it answers.
  void on_ack(Instant now, Incarnation incarnation, const messages::AppendAck& ack, Duration lease, Context& context);
  // Its process is gone, as a connection begun at `tried_at` showed: that counts as a lease, given at that moment (not
  // when this is handled: its next process may be primary by then), if its last one had not run out. Later than that it
  // may have been primary itself before it died.
  void on_dead(Instant tried_at, Duration lease);
  // The member's data is another now.
  void restart(Generation generation, Instant now);
  // True: the task was this stream's.
  bool on_log(const AppendHeader& header, TaskId task, const Result<std::vector<messages::LoggedWritePtr>>& writes,
              Context& context);

  // Nobody waits for what the member lacks: reads of the log for it may take their time.
  void set_paced(bool paced) { paced_ = paced; }
  // Sends the writes that the member may have now, and word where somebody waits for what it was sent before.
  void pump(const AppendHeader& header, Context& context);
  // Sends a message without writes if that is due.
  void show_life(const AppendHeader& header, Duration interval, Context& context);

  const NodeId& node() const { return node_; }
  State state() const { return state_; }
  Generation generation() const { return generation_; }
  Incarnation incarnation() const { return incarnation_; }
  Position acknowledged() const { return acknowledged_; }
  Instant lease_until() const { return lease_until_; }
  Instant heard_at() const { return heard_at_; }
  bool dead() const { return dead_; }
  bool whole() const { return whole_; }
  // It has named a position below one that it had acknowledged: its data is not to be trusted.
  bool regressed() const { return regressed_; }
  // It holds all that was committed, and follows.
  bool level(Sequence committed) const {
    return state_ == State::following && acknowledged_.sequence == committed && !log_task_ && !needs_snapshot_;
  }
  // When it is to be sent something, with no more than `interval` between. That is up to a quarter earlier, now here,
  // now there: or all partitions of a node would show themselves in the same turn, and hold up what comes meanwhile.
  Instant life_due(Duration interval, PartitionId partition) const;
  // While it does not follow: since when.
  Instant not_following_since() const { return not_following_since_; }

 private:
  struct InFlight {
    Sequence last;
    std::size_t bytes;
  };

  void leave_following(State state, Instant now);
  void on_position(Instant now, const messages::AppendAck& ack, const Context& context);
  void rewind_stream(Instant now);
  messages::Append message(const AppendHeader& header, Context& context);
  void send_pages(const AppendHeader& header, Context& context);
  void send_writes(const AppendHeader& header, std::vector<messages::LoggedWritePtr> writes, Context& context);

  NodeId node_;
  Generation generation_;
  Incarnation incarnation_;
  State state_ = State::probing;
  bool whole_ = true;
  bool dead_ = false;
  bool regressed_ = false;
  Sequence regressed_from_;  // what it had acknowledged
  Position acknowledged_;
  Instant echo_;  // `sent_at` of its newest answer
  Instant begun_at_;  // a member since then, this time
  Instant heard_at_;
  Instant lease_until_;
  Instant not_following_since_;

  Sequence sent_;
  Sequence hastened_;  // up to here the member was told to store at once
  std::deque<InFlight> in_flight_;
  std::size_t in_flight_bytes_ = 0;
  Instant rewound_at_;
  Instant last_sent_;
  std::optional<TaskId> log_task_;
  bool paced_ = false;
  bool needs_snapshot_ = false;
};

}  // namespace gyre::replication
