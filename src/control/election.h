// Elections: finding a new primary for partitions whose primary seems gone (PROTOCOL.md section 6).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/broken_rule.h"
#include "base/ids.h"
#include "base/time.h"
#include "control/effect.h"
#include "control/event_groups.h"
#include "control/in_sync.h"
#include "messages/control.h"

namespace gyre::control {

// Why a partition's primary is to be replaced, or appointed again.
enum class Cause : std::uint8_t {
  silent,         // the coordinator does not hear it
  reported,       // a peer does not hear it
  dead,           // its port refuses connections
  gave_up,        // it serves no more in its term; it may be chosen again
  cannot_go_on,   // as gave_up, but it cannot be primary
  cut_off,        // it does not hear members that are alive
  lossy,          // it may lack what it had acknowledged
  open_promise,   // a member promised a newer term: a seal ends in one
  operator_asks,
};
// The end of "because ...".
std::string why(Cause cause, const NodeId& primary);

// What an operator wants of an election.
struct OperatorChoice {
  NodeId node;
  bool unclean = false;         // promote it though it is not in sync
  std::vector<NodeId> stopped;  // given the operator's word
};

// The outcome of an election.
struct Choice {
  PartitionId partition;
  Cause cause = Cause::silent;
  NodeId before;       // the primary until now
  Position position;   // of the node chosen, as it sealed
  Appointment appointment;
  std::vector<NodeId> passed_over;  // in-sync members that are heard and did not seal in time
};

// Open elections, at most one for each partition. An election asks: first, except with better evidence, whether anybody
// hears the primary (a poll: one yes ends it); then members to promise a newer term (a seal), until enough of them have
// for a choice. Once a seal has been sent it ends only with a newer term in the map. Questions are repeated until they
// are answered, and those to one node leave as one message.
//
//   (none) --suspect--> polling --nobody hears it--> sealing --choose, swapped--> (none)
//                       polling --alive--> (none)
//
// What is asked and chosen depends only on the entry as it is then, so an entry that changes meanwhile (a member
// leaves) needs nothing; one with a newer term ends the election.
//
// INVARIANT 1: only partitions with a primary have an election.
// INVARIANT 2: next_term is above the term that the election is about.
class Elections {
 public:
  // `started`: of this process. What an earlier one promoted it cannot know: everything counts as promoted then.
  Elections(BrokenRule broken, Instant started) : broken_(broken), started_(started) {}

  // This process did not run for a while: what was asked may long have been answered, and waits to be read.
  void on_woken(Instant now);

  // Begins an election, or lets the open one go on faster where `cause` is better evidence. Does nothing where waiting
  // is the rule: nobody may be promoted, one was just polled alive, or a promotion is too recent.
  void suspect(const View& view, PartitionId partition, Cause cause);
  // As suspect, with a choice made by an operator.
  void order(const View& view, PartitionId partition, OperatorChoice choice);
  // Takes the operator's choice back; the election goes on without.
  void withdraw_order(PartitionId partition);
  // `promised` is above the entry's term: the seal must be finished.
  void finish(const View& view, PartitionId partition, Term promised);

  void on_poll_answer(const View& view, const NodeId& from, const messages::PollAnswer& answer);
  void on_seal_answer(const View& view, const NodeId& from, const messages::SealAnswer& answer);

  // Goes on where it is time to, and asks what is due.
  void step(const View& view);
  // The choices that can be made now, by the newest entries.
  std::vector<Choice> choose(const View& view) const;
  // Somebody else became primary, and not by a hand-over.
  void on_promoted(const Timing& timing, PartitionId partition, Instant now);

  bool open(PartitionId partition) const { return open_.contains(partition); }
  // A seal has been sent.
  bool sealing(PartitionId partition) const;
  // No promotion lately.
  bool calm(const Timing& timing, PartitionId partition, Instant now) const;

  std::vector<SendToNode> take_messages();
  std::vector<CoordinatorEvent> take_events() { return events_.take(); }
  void check_invariants() const;

 private:
  struct Sealed {
    Generation generation;
    messages::SealAnswer::Item answer;
  };
  struct Election {
    ring::PartitionEntry began_with;
    Term term;  // the one it is about
    Term next_term;  // that members are asked to promise
    Cause cause = Cause::silent;
    bool sealing = false;
    bool exclude_primary = false;  // unless nobody else can be chosen
    std::optional<OperatorChoice> choice;
    Instant since;  // polling, or sealing
    Instant ask_at;  // next
    std::set<NodeId> heard_nothing;  // of the primary, as they said
    std::map<NodeId, Sealed> sealed;
  };
  // Who may be chosen, and who is waited for.
  struct Field {
    std::vector<ring::InSyncMember> members;
    bool last_resort = false;  // no in-sync member is left that lost nothing: all members count
  };

  bool overtaken(const Election& election, const ring::PartitionEntry& entry) const;
  Election* find(const View& view, PartitionId partition);
  Field field_of(const View& view, const ring::PartitionEntry& entry) const;
  bool may_begin(const View& view, PartitionId partition, Cause cause);
  void begin_seal(const View& view, PartitionId partition, Election& election);
  bool poll_is_over(const View& view, const ring::PartitionEntry& entry, const Election& election) const;
  const Sealed* sealed_by(const View& view, const Election& election, const NodeId& node) const;
  bool waits_for(const View& view, const Election& election, const NodeId& node) const;
  std::optional<Choice> choose_one(const View& view, PartitionId partition, const Election& election) const;
  std::optional<Choice> choose_ordered(const View& view, PartitionId partition, const Election& election) const;
  Choice make_choice(const View& view, PartitionId partition, const Election& election, const NodeId& node,
                     std::vector<ring::InSyncMember> in_sync) const;
  std::vector<NodeId> passed_over(const View& view, const Election& election, const Field& field) const;
  void ask(const View& view, PartitionId partition, Election& election);
  void tell_hopeless(const View& view, PartitionId partition);

  BrokenRule broken_;
  Instant started_;
  std::map<PartitionId, Election> open_;
  std::map<PartitionId, Instant> quiet_until_;  // a member heard the primary
  std::map<PartitionId, Instant> pause_until_;  // a promotion is recent
  std::map<PartitionId, std::uint64_t> hopeless_;  // entry versions of which it was told that nobody can be promoted
  std::map<NodeId, Instant> suspicion_told_;
  std::map<std::pair<NodeId, NodeId>, messages::Poll> polls_;  // by receiver and suspect
  std::map<NodeId, messages::Seal> seals_;
  EventGroups events_;
};

}  // namespace gyre::control
