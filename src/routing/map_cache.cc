#include "routing/map_cache.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "routing/options.h"

namespace gyre::routing {

MapCache::MapCache(std::vector<std::string> seeds, Rng rng) : seeds_(std::move(seeds)), rng_(rng) {
  GYRE_ASSERT(!seeds_.empty());
  rebuild_order();
}

Result<bool> MapCache::offer(ring::ClusterMapPtr map) {
  if (map_ && map->cluster != map_->cluster) {
    seen_ = {};  // it was about another cluster
    return fail(ErrorCode::wrong_cluster,
                fmt::format("got the map of cluster {}, but this client belongs to {}; check the seeds",
                            map->cluster.str(), map_->cluster.str()));
  }
  if (map_ && map->epoch <= map_->epoch) return false;
  const auto address = [](const ring::NodeInfo& node) { return std::string_view(node.addresses.native); };
  const bool same_addresses = map_ && std::ranges::equal(map_->nodes, map->nodes, {}, address, address);
  map_ = std::move(map);
  whole_wanted_ = false;
  missed_until_ = Instant();
  failure_texts_.clear();
  if (!same_addresses) rebuild_order();
  return true;
}

Result<bool> MapCache::offer(const ring::MapUpdate& update) {
  if (update.map) return offer(update.map);
  GYRE_TRY_SET(const auto newest, ring::apply(map_, update));
  return newest ? offer(newest) : Result<bool>(false);
}

void MapCache::on_newer_seen(Instant now, Epoch epoch, const std::string& address, bool urgent) {
  if (epoch <= this->epoch()) return;
  const bool news = epoch > seen_.epoch;
  if (news || seen_.address.empty()) seen_ = {std::max(epoch, seen_.epoch), address};
  if (!urgent) return schedule(now + jittered(kMapFetchSpread));
  schedule(news ? now : std::max(now, not_before_));
}

void MapCache::want(Instant now, const std::string& suspect) {
  if (!suspect.empty()) suspect_ = suspect;
  if (now >= missed_until_) missed_since_ = now;
  missed_until_ = now + kMapMissedMax;
  schedule(std::max(now, not_before_));
}

// While a question is open its end decides what comes next: its answer may be all that was wanted.
void MapCache::schedule(Instant when) {
  if (asked_.empty()) due_ = std::min(due_, when);
}

std::optional<std::string> MapCache::take_due(Instant now) {
  if (!asked_.empty() && now >= asked_at_ + kUnansweredMax) {
    on_failed(now, Error{ErrorCode::timeout,
                         Outcome::not_applied,
                         fmt::format("no answer within {} ms", to_ms(kUnansweredMax)),
                         {}});
  }
  if (!asked_.empty() || now < due_) return std::nullopt;
  asked_ = next_address(now);
  asked_at_ = now;
  return asked_;
}

void MapCache::on_answered(Instant now) {
  if (asked_.empty()) return;
  avoid_until_.erase(asked_);
  close_question();
  whole_wanted_ = false;
  failures_ = 0;
  not_before_ = now + gap(now);
  if (behind() || now < missed_until_) schedule(not_before_);
}

void MapCache::on_failed(Instant now, const Error& why) {
  if (asked_.empty()) return;
  failure_texts_[asked_] = why.message;
  const std::string failed = asked_;
  close_question();
  suspect_ = failed;
  avoid_until_[failed] = now + kMapAvoid;
  ++failures_;
  // Once around without success: a pause. Until then the next address is asked at once.
  const bool round_over = failures_ % order_.size() == 0;
  due_ = round_over ? now + gap(now) : now;
}

void MapCache::on_misfit(Instant now, const Error& why) {
  if (asked_.empty()) return;
  if (std::exchange(whole_wanted_, true)) return on_failed(now, why);
  again_ = asked_;
  close_question();
  due_ = now;
}

void MapCache::close_question() {
  asked_.clear();
  suspect_.clear();
  due_ = kNever;
}

Instant MapCache::next_deadline() const { return asked_.empty() ? due_ : asked_at_ + kUnansweredMax; }

std::string MapCache::describe_failures() const {
  std::string text;
  for (const auto& [address, failure] : failure_texts_) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", address, failure);
  }
  return text;
}

void MapCache::rebuild_order() {
  std::set<std::string> addresses(seeds_.begin(), seeds_.end());
  if (map_) {
    for (const auto& node : map_->nodes) addresses.insert(node.addresses.native);
  }
  order_.assign(addresses.begin(), addresses.end());
  // Fisher-Yates by our own generator: std::shuffle's order differs between libraries.
  for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[rng_.below(i)]);
  turn_ = 0;
}

std::string MapCache::next_address(Instant now) {
  if (!again_.empty()) return std::exchange(again_, {});
  if (behind()) return std::exchange(seen_.address, {});
  for (std::size_t i = 0; i < order_.size() && avoided(now, order_[turn_ % order_.size()]); ++i) ++turn_;
  if (order_[turn_ % order_.size()] == suspect_) ++turn_;
  return order_[turn_++ % order_.size()];
}

bool MapCache::avoided(Instant now, const std::string& address) const {
  const auto found = avoid_until_.find(address);
  return address == suspect_ || (found != avoid_until_.end() && now < found->second);
}

Duration MapCache::gap(Instant now) {
  return jittered(now - missed_since_ < kMapMissedRecently ? kMapAskGapFirst : kMapAskGap);
}

Duration MapCache::jittered(Duration whole) { return Duration(rng_.between(whole.count() / 2, whole.count())); }

}  // namespace gyre::routing
