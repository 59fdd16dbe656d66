// How busy a host is: operations of its partitions, its busiest keys, how long requests take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/time.h"
#include "messages/request.h"
#include "runtime/environment.h"
#include "runtime/hot_keys.h"
#include "runtime/latency_windows.h"
#include "runtime/machines.h"

namespace gyre::runtime {

// Every operation of a busy host passes here, so each costs a few increments: partitions are counted one by one, keys
// and latencies are samples. While there is little to do every one of them is a sample; beyond kSampledFrom a second,
// one in kSampleEvery, at uneven distances, so that what comes in a rhythm is not missed.
//
// Rates decay over kRateLife; the counts of keys are halved as often.
class LoadMeter {
 public:
  static constexpr std::uint64_t kSampledFrom = 2000;
  static constexpr std::uint32_t kSampleEvery = 8;
  static constexpr Duration kRateLife = std::chrono::seconds(5);

  // A read that this host answered; `key`: of a get.
  void on_read(Machine& machine, std::string_view key) {
    ++machine.load.reads;
    note_key(key);
  }
  void on_scan(Machine& machine) { ++machine.load.reads; }
  // Asked of a primary.
  void on_write(Machine& machine, const messages::WriteRequest& write) {
    ++machine.load.writes;
    for (const auto& operation : write.operations) note_key(operation.key);
  }
  // How long the next request takes is to be recorded.
  bool samples_next() {
    ++seen_;
    return latency_sampler_.next(every_);
  }
  // When a request came that is among what was found: at any moment of the hold-up.
  Instant arrival(const Environment::Found& found) {
    return found.at - std::chrono::duration_cast<Duration>(found.held_up * waits_.fraction());
  }
  void on_latency(Duration latency) { latencies_.record(latency); }

  // Call every second. `at_rest`: no copy is being sent.
  void on_second(Instant now, std::span<const std::unique_ptr<Machine>> machines, bool at_rest);

  const LatencyWindows& latencies() const { return latencies_; }
  // Without transfers: partitions of which this node is a member and that have anything to tell.
  messages::LoadReport report(const Machines& machines) const;
  // The busiest, the first first.
  messages::HotResponse hot(Instant now, const Machines& machines, std::size_t keys_max) const;

 private:
  // SOURCE: Knuth's MMIX generator; its high bits are good enough to be uneven.
  class Uneven {
   public:
    std::uint32_t next() {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      return static_cast<std::uint32_t>(state_ >> 33);
    }
    double fraction() { return next() * 0x1p-31; }

   private:
    std::uint64_t state_ = 1;
  };

  class Sampler {
   public:
    bool next(std::uint32_t every) {
      if (--left_ > 0) return false;
      left_ = every == 1 ? 1 : 1 + distances_.next() % (2 * every - 1);  // `every` on average
      return true;
    }

   private:
    Uneven distances_;
    std::uint32_t left_ = 1;
  };

  void note_key(std::string_view key) {
    if (key_sampler_.next(every_)) keys_.add(key, every_);
  }
  void decay_keys(Instant now);

  std::uint32_t every_ = 1;
  std::uint64_t seen_ = 0;  // requests in this second
  Sampler key_sampler_;
  Sampler latency_sampler_;
  Uneven waits_;
  LatencyWindows latencies_;
  Instant second_began_;
  HotKeys keys_{limits::kHotKeysTracked};
  Instant decayed_at_;
  double keys_seconds_ = 0;  // the counts of keys are of about so long, and since decayed_at_
};

}  // namespace gyre::runtime
