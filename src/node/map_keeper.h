// The cluster map of a node's process: noted first, then known to all of it; and taken from there at the next start.
#pragma once

#include <functional>

#include "replication/partition.h"
#include "ring/cluster_map.h"
#include "runtime/environment.h"
#include "storage/data_directory.h"

namespace gyre::node {

// A map counts as known once its epoch is noted: no later process accepts an older one. Then that is synced, and the
// map itself is kept, for a start at which no coordinator is there; nobody waits for either, so a cluster that changes
// all the time costs the disk one map a second. A process that dies within that second leaves none that its successor
// may use; a machine that dies forgets the epoch, too, unless durability is `always`. Of several maps that come while
// the disk works only the last goes on. What else is noted in the data directory passes through here too: it takes one
// at a time.
//
// THREAD: the first loop's, and recall() before that runs.
class MapKeeper {
 public:
  struct Callbacks {
    std::function<Result<void>(runtime::Job work, runtime::Job done)> run_blocking;
    std::function<void(Duration, runtime::Job)> after;
    std::function<void(const ring::ClusterMapPtr&, replication::MapSource)> publish;
    std::function<void(const Error&)> on_failed;  // at most once; the node must stop
  };

  MapKeeper(storage::DataDirectory& data, Callbacks callbacks) : data_(data), callbacks_(std::move(callbacks)) {}

  // Publishes the map that an earlier process kept, if it can be used. Call first.
  void recall();
  // A newer map, from the store.
  void on_map(ring::ClusterMapPtr map);
  // Every partition here is in sync: from now on a start counts as lacking nothing.
  void on_settled();

  // Keeps the map known last, if it still waits for that. REQUIRES: neither the loop nor run_blocking works any more.
  void finish();

  // The newest heard of; null: none.
  const ring::ClusterMapPtr& newest() const { return newest_; }

 private:
  Result<ring::ClusterMapPtr> kept_map() const;
  void go_on();
  void store();
  void keep();
  Result<void> sync_and_keep(const ring::ClusterMapPtr& map);
  void fail_storage(const Error& error);
  void submit(std::function<Result<void>()> work, std::function<void(Result<void>)> done);

  storage::DataDirectory& data_;
  Callbacks callbacks_;
  ring::ClusterMapPtr newest_;
  ring::ClusterMapPtr published_;
  ring::ClusterMapPtr kept_;
  bool working_ = false;  // something is with the disk
  bool waiting_ = false;  // to try again
  bool resting_ = false;  // a map was kept in the last second
  bool failed_ = false;
};

}  // namespace gyre::node
