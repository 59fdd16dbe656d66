#include "replication/brake.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/assert.h"

namespace gyre::replication {

namespace {

// A learner that takes so many times what is written catches up by itself.
constexpr double kGain = 1.25;
constexpr double kShare = 0.5;  // of what it takes
constexpr double kRateMin = 50;  // writes a second: nobody is stopped altogether
// Who takes no more than is written, however often that becomes less, is late for another reason.
constexpr int kLoweredMax = 4;
constexpr double kBurstSeconds = 0.05;
constexpr double kWaitSeconds = 0.25;
constexpr std::size_t kWaitingMin = 16;
constexpr std::size_t kHalvingsMax = 8;

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

void Brake::look(Instant now, Sequence committed, const std::vector<Learner>& learners) {
  const Duration passed = now - looked_at_;
  const double elapsed = std::max(seconds(passed), 1e-3);
  const double written = static_cast<double>(committed.value() - committed_.value()) / elapsed;
  looked_at_ = now;
  committed_ = committed;
  written_ = written;
  // What this process did while it was suspended, or before the first look, says nothing.
  const bool comparable = passed < 4 * kLook;
  for (auto& [node, watch] : watches_) {
    if (std::ranges::find(learners, node, &Learner::node) == learners.end()) end(now, watch);
  }
  std::erase_if(watches_, [&](const auto& item) {
    const Watch& watch = item.second;
    return !watch.seen && !watch.helped_since && watch.rest_until <= now;
  });
  for (const Learner& learner : learners) {
    Watch& watch = watches_[learner.node];
    const bool seen = std::exchange(watch.seen, true);
    const Sequence before = std::exchange(watch.acknowledged, learner.acknowledged);
    const bool forward = learner.acknowledged > before;
    const double taken = forward ? static_cast<double>(learner.acknowledged.value() - before.value()) / elapsed : 0;
    if (seen && comparable && watch.rest_until <= now) judge(now, written, taken, learner, watch);
  }
  set_rate();
}

void Brake::judge(Instant now, double written, double taken, const Learner& learner, Watch& watch) {
  using State = Learner::State;
  if (watch.helped_since && !hopeful(now, written, taken, learner, watch)) return end(now, watch);
  if (learner.state == State::following) return judge_follower(now, written, taken, learner, watch);
  watch.slow_since.reset();
  watch.stuck_since.reset();
  if (learner.state != State::snapshot || learner.snapshots == 0) return;
  const double free_rate = watch.helped_since ? watch.free_rate : written;
  help(now, watch, written, std::ldexp(free_rate, -static_cast<int>(std::min(learner.snapshots, kHalvingsMax))));
}

bool Brake::hopeful(Instant now, double written, double taken, const Learner& learner, Watch& watch) const {
  if (learner.state != Learner::State::following) {
    watch.gained_at = now;
    return now - *watch.helped_since < kTooLong;
  }
  const auto lacks = static_cast<double>(committed_.value() - std::min(committed_, learner.acknowledged).value());
  if ((taken - written) * seconds(kTooLong) >= lacks) watch.gained_at = now;
  return now - watch.gained_at < kPatience;
}

void Brake::judge_follower(Instant now, double written, double taken, const Learner& learner, Watch& watch) {
  if (learner.close) {
    watch.slow_since.reset();
    watch.stuck_since.reset();
    return;
  }
  if (taken == 0) {
    watch.stuck_since = watch.stuck_since.value_or(now);
    watch.slow_since.reset();
    if (watch.helped_since && now - *watch.stuck_since >= kStuck) end(now, watch);
    return;
  }
  watch.stuck_since.reset();
  if (taken >= kGain * written) {
    watch.slow_since.reset();
    return;
  }
  if (watch.helped_since && ++watch.lowered > kLoweredMax) return end(now, watch);
  watch.slow_since = watch.slow_since.value_or(now);
  if (!watch.helped_since && now - *watch.slow_since < kSlow) return;
  // A single bad look, of a learner that was held up, does not stop everybody.
  const double before = watch.helped_since ? watch.rate : written;
  help(now, watch, written, std::clamp(kShare * taken, before / 2, before));
}

void Brake::help(Instant now, Watch& watch, double written, double rate) {
  if (!watch.helped_since) {
    watch.helped_since = now;
    watch.gained_at = now;
    watch.lowered = 0;
    watch.free_rate = written;
    watch.rate = written;
  }
  watch.rate = std::min(watch.rate, rate);
}

void Brake::end(Instant now, Watch& watch) {
  if (watch.helped_since) watch.rest_until = now + kRest;
  watch.helped_since.reset();
  watch.slow_since.reset();
  watch.stuck_since.reset();
  watch.seen = false;
}

void Brake::hurry(Instant now, const NodeId& node) {
  Watch& watch = watches_[node];
  if (watch.helped_since || written_ == 0) return;
  watch.rest_until = Instant();
  help(now, watch, written_, written_ / 2);
  set_rate();
}

void Brake::set_rate() {
  const bool was_on = on();
  rate_.reset();
  for (const auto& [node, watch] : watches_) {
    if (!watch.helped_since) continue;
    rate_ = std::max(kRateMin, std::min(watch.rate, rate_.value_or(watch.rate)));
  }
  if (on() && !was_on) tokens_ = 0;
}

bool Brake::helps(const NodeId& node) const {
  if (!on()) return false;
  const auto watch = watches_.find(node);
  return watch != watches_.end() && watch->second.helped_since.has_value();
}

const NodeId& Brake::helped() const {
  const auto helped =
      std::ranges::find_if(watches_, [](const auto& item) { return item.second.helped_since.has_value(); });
  GYRE_ASSERT(helped != watches_.end());
  return helped->first;
}

bool Brake::pass(Instant now) {
  if (!rate_) return true;
  tokens_ = std::min(tokens_ + *rate_ * seconds(now - refilled_at_), std::max(1.0, *rate_ * kBurstSeconds));
  refilled_at_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

std::size_t Brake::waiting_max() const {
  return std::max(kWaitingMin, static_cast<std::size_t>(*rate_ * kWaitSeconds));
}

}  // namespace gyre::replication
