// The primary's side of repairs: answers fetches of keys and serves snapshots (PROTOCOL.md section 8).
#pragma once

#include <map>
#include <vector>

#include "messages/request.h"
#include "replication/effect.h"

namespace gyre::replication {

// What of the primary's state goes into the answers, as of the call.
struct DonorView {
  messages::PartitionState state;  // committed
  std::vector<messages::WindowWrite> window;
  UnixMillis time;
};

// Of one primary in one term. A snapshot belongs to one member and is closed when it is done, when the member begins
// another, or was silent for kSnapshotPatience. At most kSnapshotsMax are open; a further member is not answered and
// asks again.
class Donor {
 public:
  Donor(PartitionId partition, Term term, TaskIds& tasks);

  void on_fetch(Instant now, const NodeId& from, messages::FetchKeys fetch);
  void on_keys(Instant now, const DonorView& view, TaskId task, Result<std::vector<messages::FetchedKey>> keys);
  // `view`: as of this moment; the snapshot is taken before anything else is committed.
  void on_ask(Instant now, const DonorView& view, const NodeId& from, const messages::SnapshotAsk& ask);
  void on_snapshot_open(Instant now, TaskId task, Result<void> opened);
  void on_snapshot_records(Instant now, TaskId task, Result<std::vector<messages::FetchedKey>> records);
  void on_tick(Instant now);
  // The term is over: closes what is open.
  void close();

  std::vector<Effect> take_effects();
};

}  // namespace gyre::replication
