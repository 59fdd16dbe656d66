#include "runtime/hot_keys.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace gyre::runtime {

HotKeys::HotKeys(std::size_t counters) : room_(counters) {
  GYRE_ASSERT(counters > 0);
  keys_.reserve(room_);
  counts_.reserve(room_);
  errors_.reserve(room_);
  index_.reserve(room_);
}

void HotKeys::add(std::string_view key, std::uint32_t weight) {
  if (const auto known = index_.find(key); known != index_.end()) {
    counts_[known->second] += weight;
    return;
  }
  if (keys_.size() < room_) return insert({std::string(key), weight, 0});
  const std::size_t at = least();
  auto node = index_.extract(keys_[at]);
  keys_[at].assign(key);
  node.key() = keys_[at];
  index_.insert(std::move(node));
  errors_[at] = counts_[at];
  counts_[at] += weight;
}

void HotKeys::insert(Key key) {
  keys_.push_back(std::move(key.key));
  counts_.push_back(key.count);
  errors_.push_back(key.error);
  index_.emplace(keys_.back(), keys_.size() - 1);
}

std::size_t HotKeys::least() const {
  return static_cast<std::size_t>(std::ranges::min_element(counts_) - counts_.begin());
}

void HotKeys::decay() {
  const std::vector<Key> all = top(keys_.size());
  *this = HotKeys(room_);
  for (const Key& key : all) {
    if (key.count > 1) insert({key.key, key.count / 2, key.error / 2});
  }
}

std::vector<HotKeys::Key> HotKeys::top(std::size_t keys_max) const {
  std::vector<Key> all;
  all.reserve(keys_.size());
  for (std::size_t i = 0; i < keys_.size(); ++i) all.push_back({keys_[i], counts_[i], errors_[i]});
  std::ranges::sort(all,
                    [](const Key& a, const Key& b) { return a.count != b.count ? a.count > b.count : a.key < b.key; });
  if (all.size() > keys_max) all.resize(keys_max);
  return all;
}

}  // namespace gyre::runtime
