#include "replication/brake.h"

#include <algorithm>
#include <cmath>

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

double per_second(Sequence now, Sequence before, Duration passed) {
  return static_cast<double>(now.value() - before.value()) / std::max(to_seconds(passed), 1e-3);
}

}  // namespace

void Brake::look(Instant now, Sequence committed, const std::vector<Learner>& learners) {
  const Duration passed = now - looked_at_;
  written_ = per_second(committed, committed_, passed);
  looked_at_ = now;
  committed_ = committed;
  for (auto& [node, watch] : watches_) {
    if (std::ranges::find(learners, node, &Learner::node) == learners.end()) end(now, watch);
    // What this process did while it was suspended, or before the first look, says nothing.
    if (passed >= 4 * kLook) watch.mark.reset();
  }
  std::erase_if(watches_, [&](const auto& item) {
    const Watch& watch = item.second;
    return !watch.mark && !watch.helped_since && watch.rest_until <= now;
  });
  for (const Learner& learner : learners) {
    Watch& watch = watches_[learner.node];
    if (watch.rest_until <= now) judge(now, learner, watch);
  }
  set_rate();
}

void Brake::judge(Instant now, const Learner& learner, Watch& watch) {
  if (learner.state == Learner::State::following) {
    if (watch.helped_since && now - watch.gained_at >= kPatience) return end(now, watch);
    if (!learner.close) return judge_follower(now, learner, watch);
  } else {
    if (watch.helped_since && now - *watch.helped_since >= kTooLong) return end(now, watch);
    watch.gained_at = now;
  }
  watch.mark.reset();
  watch.slow_since.reset();
  if (learner.state != Learner::State::snapshot || learner.snapshots == 0) return;
  const double free_rate = watch.helped_since ? watch.free_rate : written_;
  help(now, watch, written_, std::ldexp(free_rate, -static_cast<int>(std::min(learner.snapshots, kHalvingsMax))));
}

void Brake::judge_follower(Instant now, const Learner& learner, Watch& watch) {
  const Mark here{now, learner.acknowledged, committed_};
  const Mark since = watch.mark.value_or(here);
  watch.mark = since;
  if (learner.acknowledged <= since.acknowledged) {
    if (now - since.at < kStuck) return;
    if (watch.helped_since) return end(now, watch);
    watch.slow_since.reset();
    watch.mark = here;
    return;
  }
  watch.mark = here;
  const double taken = per_second(learner.acknowledged, since.acknowledged, now - since.at);
  const double written = per_second(committed_, since.committed, now - since.at);
  const auto lacks = static_cast<double>(committed_.value() - std::min(committed_, learner.acknowledged).value());
  if ((taken - written) * to_seconds(kTooLong) >= lacks) watch.gained_at = now;
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
  watch.mark.reset();
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
  tokens_ = std::min(tokens_ + *rate_ * to_seconds(now - refilled_at_), std::max(1.0, *rate_ * kBurstSeconds));
  refilled_at_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

std::size_t Brake::waiting_max() const {
  return std::max(kWaitingMin, static_cast<std::size_t>(*rate_ * kWaitSeconds));
}

}  // namespace gyre::replication
