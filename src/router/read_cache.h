// Values that were read lately, for reads that may be somewhat old.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/metrics.h"
#include "base/time.h"
#include "messages/request.h"

namespace gyre::router {

struct ReadCacheOptions {
  Duration ttl{0};  // 0: off
  std::size_t bytes_max = std::size_t{64} * 1024 * 1024;
};

// What a read is given of it was asked of a member at most `ttl` ago. Levels: `any`; and `bounded`, where the answer's
// bound and its age together stay within the read's. Absence is kept as well. What this process itself writes is
// dropped.
//
// THREAD: any.
class ReadCache {
 public:
  // Of a read that is under way: whether its key was written meanwhile.
  using Stamp = std::uint64_t;

  explicit ReadCache(const ReadCacheOptions& options) : options_(options) {}

  bool enabled() const { return options_.ttl > Duration(0); }
  std::optional<messages::GetResponse> find(Instant now, const messages::GetRequest& read);
  // What members are asked for instead: of a bounded read, so much less old that the answer serves others, too.
  messages::ReadConsistency asked_for(const messages::ReadConsistency& read) const;

  Stamp begin(std::string_view key);
  // The answer to what was asked at `asked_at`, behind begin().
  void keep(Instant asked_at, Stamp stamp, const messages::GetRequest& read, const messages::GetResponse& answer);
  // Call before a write is sent and again when it was answered.
  void drop(std::string_view key);

  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  struct Counters {
    Counter hits;
    Counter misses;
    Counter evicted;
  };
  const Counters& counters() const { return counters_; }

 private:
  struct Entry {
    Bytes key;
    messages::GetResponse answer;
    Instant asked_at;
    Instant expires;
    Duration bound;  // how old the answer was then, at most
    std::size_t bytes = 0;
  };
  using Entries = std::list<Entry>;  // the one used last first
  struct Shard {
    std::mutex mutex;
    Entries entries;
    std::unordered_map<std::string_view, Entries::iterator> by_key;  // of their keys' memory
    std::array<Stamp, 256> writes{};  // by a part of the key's hash
    std::size_t bytes = 0;
  };
  static constexpr std::size_t kShards = 16;

  bool serves(Instant now, const Entry& entry, const messages::ReadConsistency& read) const;
  Shard& shard_of(std::uint64_t hash) { return shards_[hash % kShards]; }
  static Stamp& writes_of(Shard& shard, std::uint64_t hash) { return shard.writes[hash / kShards % 256]; }
  void remove(Shard& shard, Entries::iterator entry);

  const ReadCacheOptions options_;
  std::array<Shard, kShards> shards_;
  std::atomic<std::size_t> bytes_{0};
  Counters counters_;
};

}  // namespace gyre::router
