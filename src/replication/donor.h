// The primary's side of repairs: answers fetches of keys and serves snapshots (PROTOCOL.md section 8).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "messages/request.h"
#include "replication/effect.h"
#include "replication/window.h"

namespace gyre::replication {

// What of the primary's state goes into the answers, as of the call.
struct DonorView {
  const messages::PartitionState& state;  // committed
  const Window& window;                   // what it has of writes behind state.position is left out
  UnixMillis time;
};

// Of one primary in one term. A snapshot belongs to one member and is closed when it is done, when the member begins
// another, or was silent for kSnapshotPatience. At most kSnapshotsMax are open; a further member is not answered and
// asks again.
//
// In memory it has at most one chunk for each member: the last one sent, which may have been lost. Who asks for the
// next one while that is being read gets the last one again, without its records, and so knows that it will come. The
// window comes behind the records, in as many chunks as it needs. A fetch is answered for as many of its first keys as
// one message takes; an answer without keys says that only a snapshot helps.
class Donor {
 public:
  Donor(PartitionId partition, Term term, TaskIds& tasks);

  void on_fetch(Instant now, const NodeId& from, messages::FetchKeys fetch);
  void on_keys(Instant now, const DonorView& view, TaskId task, Result<std::vector<messages::FetchedKey>> keys);
  // `view`: as of this moment; the snapshot is taken before anything else is committed.
  void on_ask(Instant now, const DonorView& view, const NodeId& from, const messages::SnapshotAsk& ask);
  void on_snapshot_open(Instant now, TaskId task, Result<void> opened);
  void on_snapshot_records(Instant now, const DonorView& view, TaskId task,
                           Result<std::vector<messages::FetchedKey>> records);
  void on_tick(Instant now);
  // The term is over: closes what is open.
  void close();

  // Nobody asks for anything.
  bool idle() const { return transfers_.empty() && fetches_.empty(); }
  // What is being sent, and what was until lately. No total where it is not known yet.
  std::vector<messages::LoadReport::Transfer> transfers() const;
  // How many snapshots it had to the end, since forget().
  std::size_t snapshots_of(const NodeId& node) const;
  void forget(const NodeId& node) { given_.erase(node); }

  std::vector<Effect> take_effects();

 private:
  struct Fetch {
    std::uint64_t id = 0;
    TaskId task;
  };
  struct Transfer {
    enum class Stage : std::uint8_t {
      busy,     // the snapshot is being opened, or its next records read
      records,  // there may be more
      window,   // the snapshot is closed, the window is to be sent
    };
    std::uint64_t id = 0;
    TaskId task;
    messages::PartitionState state;  // of the snapshot
    Stage stage = Stage::busy;
    std::optional<messages::SnapshotChunk> sent;  // the last one
    Sequence window_sent;                         // up to here
    std::uint64_t bytes_sent = 0;                 // of records
    Instant heard;
  };
  using Transfers = std::map<NodeId, Transfer>;

  Transfers::iterator transfer_of(TaskId task);
  void open(Instant now, const DonorView& view, const NodeId& from, std::uint64_t id);
  // Closes its snapshot, if that is open, and forgets it.
  Transfers::iterator drop(Transfers::iterator transfer);
  std::size_t open_snapshots() const;
  void send_next(const DonorView& view, const NodeId& to, Transfer& transfer);
  void send_window(const DonorView& view, const NodeId& to, Transfer& transfer);
  void send(const NodeId& to, Transfer& transfer, messages::SnapshotChunk chunk);

  PartitionId partition_;
  Term term_;
  TaskIds* tasks_;
  std::map<NodeId, Fetch> fetches_;
  std::map<NodeId, std::size_t> given_;  // snapshots, to the end
  Transfers transfers_;
  std::vector<Effect> effects_;
};

}  // namespace gyre::replication
