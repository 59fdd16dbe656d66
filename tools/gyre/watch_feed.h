// Looks at a cluster again and again for `gyre cluster watch`, on a thread of its own, so that keys and resizes never
// wait for an answer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "tools/gyre/cluster_source.h"
#include "tools/gyre/watch_state.h"

namespace gyre::cli {

// One look, with what was seen before. THREAD: one.
class WatchEyes {
 public:
  // REQUIRES: context lives longer.
  WatchEyes(const Context& context, ClusterSource source) : context_(context), source_(std::move(source)) {}

  // Asks all processes, each for `limit` at most.
  WatchState look(Duration limit);

 private:
  void look_for_events(Duration limit);

  const Context& context_;
  ClusterSource source_;  // the last that answered
  std::deque<double> history_;
  std::vector<messages::ClusterEvent> events_;  // oldest first
  std::uint64_t last_event_ = 0;
};

class WatchFeed {
 public:
  WatchFeed(WatchEyes eyes, std::chrono::milliseconds interval);

  // What was seen since the last call, if anything. THREAD: any.
  std::optional<WatchState> news();

 private:
  void run(std::stop_token stop);

  WatchEyes eyes_;
  const std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::condition_variable_any woken_;
  std::optional<WatchState> news_;
  std::jthread thread_;  // last: it uses the others
};

// How long a process may take to answer where a frame is drawn so often.
Duration answer_limit(std::chrono::milliseconds interval);

}  // namespace gyre::cli
