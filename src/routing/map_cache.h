// The newest cluster map known, and the decision when and whom to ask for a newer one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "gyre/result.h"
#include "ring/cluster_map.h"
#include "ring/map_delta.h"

namespace gyre::routing {

// Asks one address at a time, however many calls want a newer map (single flight). Addresses (the nodes of the map and
// the seeds) take turns in a random order; one that fails or stays silent for kUnansweredMax is followed by the next,
// and passed over for kMapAvoid. An answer without a newer map is followed by the next question while one is wanted.
//
// A change that does not fit the map known is followed by a question for a whole one to whoever sent it.
//
// INVARIANT 1: the epoch never goes back, and the cluster never changes.
// INVARIANT 2: at most one question is open.
class MapCache {
 public:
  MapCache(std::vector<std::string> seeds, Rng rng);

  // Null before the first.
  const ring::ClusterMapPtr& current() const { return map_; }
  Epoch epoch() const { return map_ ? map_->epoch : Epoch(); }

  // What to ask for a newer one than; 0: for a whole one.
  Epoch known() const { return whole_wanted_ ? Epoch() : epoch(); }

  // Takes `map` if it is newer than the current one; false: it is not. ERRORS: wrong_cluster.
  Result<bool> offer(ring::ClusterMapPtr map);
  // The same, of a whole map or of what changed. ERRORS: also those of ring::apply.
  Result<bool> offer(const ring::MapUpdate& update);

  // `address` answered with a newer epoch: ask it, at once if a call waits for it, else soon.
  void on_newer_seen(Instant now, Epoch epoch, const std::string& address, bool urgent);
  // Something looks wrong at `suspect` (may be empty): ask others, now and then, until there is a newer map or nothing
  // has looked wrong for kMapMissedMax.
  void want(Instant now, const std::string& suspect);

  // The address to ask now, if one is due; the question is then open. Call again until it gives none.
  std::optional<std::string> take_due(Instant now);
  // The open question was answered, with or without a newer map.
  void on_answered(Instant now);
  // The open question to `asked()` failed: the next address is due.
  void on_failed(Instant now, const Error& why);
  // The open question was answered with a change that does not fit. The same address is due, to give a whole map; if
  // that was asked for already, this is a failure.
  void on_misfit(Instant now, const Error& why);
  // Where the open question went; empty: none is open.
  const std::string& asked() const { return asked_; }

  Instant next_deadline() const;
  // What each address said last, for the message of who never got a map: "n1:7000: connection refused; ...".
  std::string describe_failures() const;

 private:
  void close_question();
  void schedule(Instant when);
  void rebuild_order();
  std::string next_address(Instant now);
  bool avoided(Instant now, const std::string& address) const;
  Duration gap(Instant now);
  bool behind() const { return seen_.epoch > epoch() && !seen_.address.empty(); }
  Duration jittered(Duration whole);

  std::vector<std::string> seeds_;
  Rng rng_;
  ring::ClusterMapPtr map_;
  std::vector<std::string> order_;  // who may be asked, shuffled
  std::size_t turn_ = 0;  // next of order_
  std::size_t failures_ = 0;  // questions failed in a row
  std::map<std::string, std::string> failure_texts_;

  // The newest epoch somebody has answered with, and whom to ask for it; empty: that one was asked already.
  struct Sighting {
    Epoch epoch;
    std::string address;
  };

  Instant due_ = kNever;  // of the next question; never: none is wanted
  Instant missed_since_{};  // a newer map was missed from here ...
  Instant missed_until_{};  // ... to here, if none comes
  std::string suspect_;  // whom not to ask next
  std::map<std::string, Instant> avoid_until_;
  Sighting seen_;
  Instant not_before_{};  // of the next question without a new sighting
  bool whole_wanted_ = false;  // a change did not fit
  std::string again_;  // whom to ask next, before all others
  std::string asked_;
  Instant asked_at_{};
};

}  // namespace gyre::routing
