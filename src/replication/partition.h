// The machine of one partition on one node: its roles, and what reaches it from requests, peers, map and storage.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "gyre/result.h"
#include "messages/request.h"
#include "replication/config.h"
#include "replication/effect.h"
#include "replication/persist.h"
#include "replication/read_request.h"
#include "replication/waits.h"
#include "ring/cluster_map.h"

namespace gyre::replication {

class Follower;
class Primary;
class Retiree;
class WriteQueue;
struct Context;
struct RepairStep;

// Where a map comes from.
enum class MapSource : std::uint8_t {
  store,   // read from there after this process started
  memory,  // what an earlier process of this node knew: enough to follow by, not to take office
};

// Life: a partition is Idle while no map names this node as a member; a copy that it still has is given up once the
// members have no need of it (Retiree). A member follows its primary, as Replica while
// the map has its present data in the in-sync set, else as Learner. A map that appoints this very process makes it
// Primary: it records the term, waits until the leases it gave to earlier primaries have run out, and serves while it
// holds the leases of all members it counts. It is a member again when a newer term appoints another. A member whose
// storage fails is Broken for good.
//
//   Idle <-> Learner <-> Replica --appointed--> Primary --newer term--> Learner, Replica      any --storage--> Broken
//
// Each part of this life is a collaborator: Journal (writes on their way to storage, and the promises), Follower (a
// member), Primary (a term in office), Retiree (a copy that is no member's), WriteQueue (the order of requests), Waits
// (answers that must not leave yet).
//
// INVARIANT 1: nothing is said (acknowledged, promised, answered) that is not as durable as the node was told to make
// it.
// INVARIANT 2: only a Primary assigns sequences, and only in the term for which the map appointed this process.
// INVARIANT 3: served and promised terms never go back; sequences do only by a repair, which leaves a learner.
class Partition {
 public:
  // `stored`, `window`: what this node's storage remembers of the partition. `lost`: what its ledger names of it, as
  // far as a retry may still come.
  Partition(PartitionConfig config, messages::PartitionState stored, std::vector<messages::WindowWrite> window,
            const std::vector<messages::LostId>& lost);
  Partition(Partition&&) noexcept;
  ~Partition();

  // --- Map and peers ---

  // A newer map, or the first from the store. Call where the partition's entry, the nodes or the shape have changed,
  // and at the first from the store. One from memory comes before all others; a start that may lack writes does nothing
  // by it.
  void on_map(const Moment& now, const ring::ClusterMap& map, MapSource source = MapSource::store);
  // What members, and nodes that were members, say to each other (messages/peer.h); from the process `from`.
  void on_peer(const Moment& now, const NodeId& from, Incarnation incarnation, messages::Message message);
  // Proof of death: the peer port of this process has refused a connection that was begun at `tried_at`.
  void on_peer_dead(const Moment& now, const NodeId& node, Incarnation incarnation, Instant tried_at);
  // The coordinator's questions.
  bool on_poll(const Moment& now, Term term, const NodeId& suspect);
  // A SealAnswer of one item follows (TellCoordinator) once the promise is durable.
  void on_seal(const Moment& now, Term term);
  void on_order(const Moment& now, const messages::Order& order);
  // Call every kTick; but not before quiet_until(), if nothing else was called since.
  void on_tick(const Moment& now);
  // A tick before then would change nothing, as long as nothing else happens here. The epoch: the next one is needed.
  Instant quiet_until(const Moment& now) const;
  // The process stops: from the moment the map has this member out of the in-sync set, it gives no leases and
  // acknowledgements. A primary hands over when it is ordered to.
  void on_stopping(const Moment& now);

  // --- Requests ---

  // A write of at least one operation, all keys of this partition; one WriteDone follows, maybe in this call.
  // ERRORS (in WriteDone): not_primary, unavailable, busy (queue or window full, members lag), no_replicas and those of
  // evaluate: surely not applied. outcome_unknown: storage failed, the right to serve was lost, or the id is too old.
  // timeout: `deadline` has passed (a tick tells, somewhat later); its outcome says whether the write may be applied.
  void on_write(const Moment& now, Ticket ticket, messages::WriteRequest request, Instant deadline = kNever);

  // The answer to ReadCurrent. `record` empty: nothing is stored. ERRORS passed in fail the write.
  void on_current(const Moment& now, Ticket ticket, std::size_t operation,
                  Result<std::optional<messages::Record>> record);

  // How to read: `engine` means read the engine at once, then ask may_leave(). `wait`: a ReadReady follows.
  // ERRORS: not_primary, unavailable, behind, session_lost, busy; in ReadReady also timeout.
  enum class ReadPlan : std::uint8_t { engine, wait };
  Result<ReadPlan> on_read(const Moment& now, Ticket ticket, const ReadRequest& request);

  // May what was read leave? Asked after the value was read, with a fresh clock reading. `off_loop`: it was not read in
  // this very turn, so writes committed since on_read may show in it. False: a ReadReady (Release) follows.
  // ERRORS: as on_read.
  Result<bool> may_leave(const Moment& now, Ticket ticket, const ReadRequest& request, bool off_loop);

  // The same two for a read of one key in this very turn that has to wait for nothing. False: ask as above.
  bool may_read_at_once(const Moment& now, const messages::ReadConsistency& read, std::string_view key) const;
  bool may_leave_at_once(const Moment& now, const messages::ReadConsistency& read) const;
  // For the answer, taken when it leaves: what a session has now seen.
  messages::Standing standing(Position seen) const;

  // --- Storage ---

  // What is to be committed, if anything. The host commits it before it calls anything else here, and reports one of:
  std::optional<Persist> take_persist();
  // Applied and handed to the kernel, maybe not synced: members may have it. Call it after each commit, if on_persisted
  // does not follow at once.
  void on_committed(const Moment& now, std::uint64_t id);
  // This and all that was taken before is as durable as the node was told to make it. May come in a later turn.
  void on_persisted(const Moment& now, std::uint64_t id);
  // The commit taken last was refused; nothing of it was applied.
  void on_refused(const Moment& now, const Error& why);
  // The storage failed: what was handed over has an unknown outcome, and this member serves no more.
  void on_storage_failed(const Moment& now, const Error& why);
  // A stored record cannot be read back. A member fetches the partition again; the coordinator is told of a primary,
  // and lets another member take over where there is one.
  void on_damaged(const Moment& now, const Error& why);

  // --- Results of work ---

  void on_log(const Moment& now, TaskId task, Result<std::vector<messages::LoggedWritePtr>> writes);
  void on_keys(const Moment& now, TaskId task, Result<std::vector<messages::FetchedKey>> keys);
  void on_snapshot_open(const Moment& now, TaskId task, Result<void> opened);
  // No records: the snapshot is at its end.
  void on_snapshot_records(const Moment& now, TaskId task, Result<std::vector<messages::FetchedKey>> records);
  // A failure of the storage is told to on_storage_failed as well.
  void on_ingested(const Moment& now, TaskId task, const Result<void>& outcome);
  void on_exported(const Moment& now, TaskId task, Result<void> outcome);
  void on_marked(const Moment& now, TaskId task, Result<void> outcome);

  // Answers are released by this call: `now` is the last look at the right to serve before they leave.
  std::vector<Effect> take_effects(const Moment& now);
  bool has_effects() const;

  PartitionId id() const;
  // Primary, in office, and with the right to serve now.
  bool serving(const Moment& now) const;
  // As primary that serves; 0: it does not.
  Duration serving_for(const Moment& now) const;
  // The clock by which values of this partition expire here; never goes back. A primary's runs on by itself while it
  // has the right to serve, a member's only with what its primary says.
  UnixMillis time(const Moment& now);
  // The latest time that another member said while it served; the epoch: none did, to this process.
  UnixMillis served_time() const;
  // As committed.
  const messages::PartitionState& state() const;
  // Goes up when records of this member are replaced by a repair.
  std::uint64_t era() const;
  messages::PartitionStatus status(const Moment& now) const;
  // A promise above the term of the newest entry, if there is one: the coordinator has to finish it.
  std::optional<Term> open_promise() const;
  // The primary, where this in-sync member hears nothing from it for the detection time (PROTOCOL.md section 6).
  std::optional<messages::PeerDown> silent_primary(const Moment& now) const;
  // Member of the partition by the newest entry, in sync, and able to be promoted; or no member at all.
  bool settled(const Moment& now) const;
  // It takes over records of its primary: a copy, or what it rewinds.
  bool repairing() const;
  // Copies that it sends to other members, as primary. Without a total where it is not known yet.
  std::vector<messages::LoadReport::Transfer> transfers() const;
  // Asserts the invariants above.
  void check_invariants() const;

 private:
  struct Idle {
    std::unique_ptr<Retiree> retiree;  // while there is a copy to give up
  };
  struct Learner {};
  struct Replica {};
  struct Broken {
    std::string why;
  };
  using Role = std::variant<Idle, Learner, Replica, std::unique_ptr<Primary>, Broken>;

  // A term that this member has given up: others are told until a newer entry is known.
  struct GivenUpTerm {
    Term term;
    std::optional<NodeId> successor;  // the coordinator is told, too; empty: elect one
    Instant told_at;
  };
  // The first and the last one.
  struct Terms {
    Term first;
    Term last;
    bool operator==(const Terms&) const = default;
  };
  // The ledger is told that what this member held of these terms may be gone.
  struct RangeExport {
    TaskId task;
    Terms terms;
    bool done = false;
  };

  // Roles.
  Primary* primary() const;
  bool broken() const { return std::holds_alternative<Broken>(role_); }
  bool in_sync() const;
  bool appointed() const;
  void try_begin(const Moment& now);
  void take_member_role(const Moment& now, bool was_in_touch);
  void leave(const Moment& now, bool was_in_touch);
  bool in_touch(const Moment& now) const;
  Retiree* retiree() const;
  bool has_to_say(const Moment& now) const;
  const RepairStep* next_step() const;
  bool gathers() const;
  void step_down(const Error& error);
  void give_up(const Moment& now, std::optional<NodeId> successor, const Error& error);
  void tell_given_up(Instant now);
  void tell_damage(const Moment& now);
  void account(const Moment& now);
  bool range_is_exported(const Moment& now, Terms terms);
  bool lost_range_is_safe(const Moment& now);
  std::optional<Terms> terms_deposed() const;
  std::optional<Terms> unaccounted() const;
  std::vector<messages::Loss> lost_ranges(Terms terms) const;
  void answer_seal(const Moment& now);
  void mark_retries(Instant now);
  void progress(const Moment& now);

  // Requests.
  Error no_primary() const;
  Result<void> admit(const Moment& now, const messages::WriteRequest& request) const;
  void drain(const Moment& now);
  Result<void> check_session(const messages::ReadConsistency& read) const;
  Result<void> check_member_read(const Moment& now, const messages::ReadConsistency& read) const;
  Result<void> check_read(const Moment& now, const messages::ReadConsistency& read) const;
  void end_overdue(Instant now);
  void release(const Moment& now);
  void leave(const Moment& now, messages::AckCount level, Waits::Answer answer);

  std::unique_ptr<Context> context_;
  std::unique_ptr<Follower> follower_;
  std::unique_ptr<WriteQueue> queue_;
  Role role_;
  bool map_from_store_ = false;
  Term begun_;  // the last term this process was primary of
  std::optional<GivenUpTerm> given_up_;
  std::optional<Term> seal_;  // asked for and not answered yet
  std::optional<RangeExport> range_export_;
  Instant range_export_at_;  // not earlier
  // This start may lack what was acknowledged, and has not followed a primary since: the ledger must have that before
  // the sequences are given again.
  bool owes_lost_range_ = false;
  Instant accounted_at_;
  std::string damage_;  // what could not be read back
  Instant damage_told_at_;
  Instant retire_from_;
  Instant handed_over_at_;  // the last time
  std::uint64_t drops_ = 0;  // of this node's copy
  bool release_due_ = false;  // something happened that may let answers go
  Instant ticked_at_;
  bool stopping_ = false;
};

}  // namespace gyre::replication
