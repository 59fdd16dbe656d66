#include "router/read_cache.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace gyre::router {

namespace {

using messages::ReadLevel;

// Of an entry besides key and value: list and table, about.
constexpr std::size_t kEntryBytes = 256;

// How old an answer to such a read may have been already.
Duration bound_of(const messages::ReadConsistency& read) {
  switch (read.level) {
    case ReadLevel::primary:
    case ReadLevel::linearizable: return Duration(0);
    case ReadLevel::bounded: return read.bound;
    case ReadLevel::session:
    case ReadLevel::any: return Duration::max();
  }
  return Duration::max();
}

}  // namespace

bool ReadCache::serves(Instant now, const Entry& entry, const messages::ReadConsistency& read) const {
  if (now >= entry.expires) return false;
  switch (read.level) {
    case ReadLevel::primary:
    case ReadLevel::linearizable: return false;
    case ReadLevel::bounded:
      return entry.bound != Duration::max() && entry.bound + (now - entry.asked_at) <= read.bound;
    case ReadLevel::session: return false;
    case ReadLevel::any: return true;
  }
  return false;
}

std::optional<messages::GetResponse> ReadCache::find(Instant now, const messages::GetRequest& read) {
  if (read.read.level != ReadLevel::any && read.read.level != ReadLevel::bounded) return std::nullopt;
  const std::uint64_t hash = hash64(read.key);
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_key.find(read.key.view());
  if (found == shard.by_key.end() || !serves(now, *found->second, read.read)) {
    counters_.misses.add();
    return std::nullopt;
  }
  counters_.hits.add();
  shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
  messages::GetResponse answer = found->second->answer;
  if (answer.ttl_ms >= 0)
    answer.ttl_ms = std::max<std::int64_t>(answer.ttl_ms - to_ms(now - found->second->asked_at), 0);
  if (answer.record && !read.value_wanted) answer.record->value = {};
  return answer;
}

messages::ReadConsistency ReadCache::asked_for(const messages::ReadConsistency& read) const {
  messages::ReadConsistency asked = read;
  if (read.level == ReadLevel::bounded && read.bound > options_.ttl) asked.bound -= options_.ttl;
  return asked;
}

ReadCache::Stamp ReadCache::begin(std::string_view key) {
  const std::uint64_t hash = hash64(key);
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  return writes_of(shard, hash);
}

void ReadCache::keep(Instant asked_at, Stamp stamp, const messages::GetRequest& read,
                     const messages::GetResponse& answer) {
  if (!read.value_wanted) return;
  const std::size_t value_bytes = answer.record ? answer.record->value.size() : 0;
  const std::size_t bytes = kEntryBytes + read.key.size() + value_bytes;
  const std::size_t bytes_max = options_.bytes_max / kShards;
  if (bytes > bytes_max / 4) return;  // one large value is not worth many small ones

  // Copies: what came in shares the memory of everything that came with it.
  Entry entry{.key = Bytes::copy_of(read.key),
              .answer = answer,
              .asked_at = asked_at,
              .expires = asked_at + options_.ttl,
              .bound = bound_of(read.read),
              .bytes = bytes};
  if (entry.answer.record) entry.answer.record->value = Bytes::copy_of(entry.answer.record->value);
  entry.answer.standing.history.clear();
  if (answer.ttl_ms >= 0) entry.expires = std::min(entry.expires, asked_at + std::chrono::milliseconds(answer.ttl_ms));

  const std::uint64_t hash = hash64(read.key);
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  if (writes_of(shard, hash) != stamp) return;
  if (const auto known = shard.by_key.find(read.key.view()); known != shard.by_key.end()) remove(shard, known->second);
  while (shard.bytes + bytes > bytes_max) {
    counters_.evicted.add();
    remove(shard, std::prev(shard.entries.end()));
  }
  shard.entries.push_front(std::move(entry));
  shard.by_key.emplace(shard.entries.front().key.view(), shard.entries.begin());
  shard.bytes += bytes;
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void ReadCache::drop(std::string_view key) {
  const std::uint64_t hash = hash64(key);
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  ++writes_of(shard, hash);
  if (const auto known = shard.by_key.find(key); known != shard.by_key.end()) remove(shard, known->second);
}

void ReadCache::remove(Shard& shard, Entries::iterator entry) {
  shard.bytes -= entry->bytes;
  bytes_.fetch_sub(entry->bytes, std::memory_order_relaxed);
  shard.by_key.erase(entry->key.view());
  shard.entries.erase(entry);
}

}  // namespace gyre::router
