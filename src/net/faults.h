// Faults of the network that a process makes of its own will, for tests and demonstrations: frames to or from others
// vanish or come late.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "gyre/result.h"
#include "messages/request.h"

namespace gyre::net {

// What connections to and from a coordinator, and those of others than nodes and coordinators, are called in rules.
inline constexpr std::string_view kCoordinatorPeer = "coordinator";
inline constexpr std::string_view kClientPeers = "clients";

// The rules that are on, of one process. Connections ask it about every frame; while no rule is on that costs a look at
// an atomic. A frame that several rules concern is delayed by all of them, and survives them all or none.
//
// Frames alone are concerned: connections are made and closed as ever, as in a network that loses packets. Answers to
// `FaultsRequest`, and these themselves, are never concerned, so that whatever is on can be taken off again.
//
// THREAD: any.
class Faults {
 public:
  // `allowed`: the process was started with --allow-fault-injection.
  Faults(bool allowed, std::uint64_t random_seed) : allowed_(allowed), rng_(random_seed) {}

  bool allowed() const { return allowed_; }
  // Shows or sets the rules, and logs a change. ERRORS: denied (not allowed in this process), invalid_argument (a peer
  // that has no name, a share that is none, a delay beyond kFaultDelayMax), too_large.
  Result<messages::FaultsResponse> serve(const messages::FaultsRequest& request);

  // How many rules are on.
  std::size_t count() const { return count_.load(std::memory_order_relaxed); }
  // What becomes of one frame. `peer`: a node id, kCoordinatorPeer or kClientPeers. None: it vanishes; else it goes on
  // so much later.
  std::optional<Duration> fate(std::string_view peer, messages::FaultRule::Direction direction);

 private:
  const bool allowed_;
  std::atomic<std::size_t> count_{0};
  std::mutex mutex_;  // of the two below
  std::vector<messages::FaultRule> rules_;
  Rng rng_;
};

// Delay and jitter of one rule together: what is late by more is as good as lost.
inline constexpr Duration kFaultDelayMax = std::chrono::minutes(1);

// The process that a frame says it is from: the sender of its messages, or the node that joins or shows itself. Empty:
// it does not say.
std::string_view peer_named_in(const messages::Frame& frame);
// It has requests or answers about faults: no fault concerns it.
bool is_about_faults(const messages::Frame& frame);
// Takes them out of a frame.
messages::Frame take_about_faults(messages::Frame& frame);

}  // namespace gyre::net
