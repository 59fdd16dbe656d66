#include "runtime/record_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "base/limits.h"

namespace gyre::runtime {

using messages::Mutation;
using messages::Record;
using storage::Lookup;

namespace {

// A small record with what belongs to it takes about as much; half of the slots are free, then.
constexpr std::size_t kUsualEntryBytes = 192;

// Of the processor's caches; a small record lies in the first few.
constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kPrefetchedLines = 3;

// What an entry begins with; key and value follow.
struct Head {
  std::uint32_t drops;  // of its partition, when it was kept
  std::uint32_t key_bytes;
  PartitionId partition;
  bool exists;
  Position version;
  UnixMillis expires_at;
};

static_assert(std::is_trivially_destructible_v<Head> && alignof(Head) <= sizeof(Buffer));

std::uint64_t hash_of(PartitionId partition, std::string_view key) { return hash64(key, partition.value()); }

const Head& head_of(Buffer& entry) { return *std::launder(reinterpret_cast<const Head*>(entry.data())); }

std::string_view contents_of(Buffer& entry) {
  return std::string_view(entry.data(), entry.capacity()).substr(sizeof(Head));
}

std::string_view key_of(Buffer& entry) { return contents_of(entry).substr(0, head_of(entry).key_bytes); }

// REQUIRES: its capacity is entry_bytes(key, value).
void write_entry(Buffer& entry, const Head& head, std::string_view key, std::string_view value) {
  new (entry.data()) Head(head);
  std::memcpy(entry.data() + sizeof(Head), key.data(), key.size());
  if (!value.empty()) std::memcpy(entry.data() + sizeof(Head) + key.size(), value.data(), value.size());
}

std::size_t entry_bytes(std::string_view key, std::string_view value) {
  return sizeof(Head) + key.size() + value.size();
}

// Null: the key does not exist.
Head head_for(std::uint32_t drops, PartitionId partition, std::string_view key, const Record* record) {
  return {.drops = drops,
          .key_bytes = static_cast<std::uint32_t>(key.size()),
          .partition = partition,
          .exists = record != nullptr,
          .version = record != nullptr ? record->version : Position(),
          .expires_at = record != nullptr ? record->expires_at : kNoExpiry};
}

// What an entry of this capacity takes: allocators keep blocks of four sizes for each power of two.
std::size_t block_bytes(std::size_t capacity) {
  const std::size_t bytes = sizeof(Buffer) + capacity;
  const std::size_t step = std::max<std::size_t>(std::bit_ceil(bytes) / 8, 16);
  return (bytes + step - 1) / step * step;
}

std::size_t buckets_for(std::size_t bytes, std::size_t bucket_bytes, std::size_t slots) {
  const std::size_t buckets = bytes / (bucket_bytes + kUsualEntryBytes * slots / 2);
  return buckets > 0 || bytes < bucket_bytes + kUsualEntryBytes ? buckets : 1;
}

}  // namespace

RecordCache::RecordCache(std::size_t bytes_max)
    : bytes_max_(bytes_max),
      buckets_(buckets_for(bytes_max, sizeof(Bucket), kSlots)),
      bytes_(buckets_.size() * sizeof(Bucket)) {}

RecordCache::~RecordCache() {
  for (Bucket& bucket : buckets_) {
    for (Buffer* entry : bucket.entries) {
      if (entry != nullptr) entry->release();
    }
  }
}

void RecordCache::prefetch(std::span<const Key> keys) const {
  if (buckets_.empty()) return;
  GYRE_ASSERT(keys.size() <= limits::kKeysAhead);
  std::array<std::uint64_t, limits::kKeysAhead> hashes;
  std::ranges::transform(keys, hashes.begin(), [](const Key& key) { return hash_of(key.partition, key.key); });
  prefetch(std::span(hashes).first(keys.size()));
}

std::optional<Lookup> RecordCache::find(PartitionId id, std::string_view key) {
  if (buckets_.empty()) return std::nullopt;
  const auto place = place_of(hash_of(id, key), id, key);
  if (!place) return std::nullopt;
  Buffer* entry = place->entry();
  const Head& head = head_of(*entry);
  if (head.drops != partition(id).drops) return std::nullopt;
  place->use();
  if (!head.exists) return Lookup{};
  return Lookup{Lookup::State::found, Record{.value = Bytes::share(entry, contents_of(*entry).substr(head.key_bytes)),
                                             .version = head.version,
                                             .expires_at = head.expires_at}};
}

void RecordCache::put(PartitionId id, std::string_view key, const Lookup& found) {
  if (buckets_.empty() || found.state == Lookup::State::needs_disk) return;
  const std::uint64_t hash = hash_of(id, key);
  if (const auto known = place_of(hash, id, key)) remove(*known);
  keep(hash, id, key, found.state == Lookup::State::found ? &found.record : nullptr, Displaces::yes);
}

void RecordCache::on_committed(std::span<const storage::PartitionBatch> batches) {
  if (buckets_.empty()) return;
  for (const storage::PartitionBatch& batch : batches) {
    Partition& told = partition(batch.partition);
    ++told.commits;
    if (batch.drop_first) {
      apply_told();
      ++told.drops;
    }
    for (const messages::LoggedWritePtr& write : batch.writes) {
      for (const Mutation& mutation : write->mutations) tell(batch.partition, mutation);
    }
    for (const Mutation& repair : batch.repairs) tell(batch.partition, repair);
  }
  apply_told();
}

void RecordCache::tell(PartitionId id, const Mutation& mutation) {
  told_.push_back({hash_of(id, mutation.key), id, &mutation});
  if (told_.size() == limits::kKeysAhead) apply_told();
}

void RecordCache::apply_told() {
  std::array<std::uint64_t, limits::kKeysAhead> hashes;
  std::ranges::transform(told_, hashes.begin(), &Told::hash);
  prefetch(std::span(hashes).first(told_.size()));
  for (const Told& told : told_) apply(told);
  told_.clear();
}

std::uint64_t RecordCache::commits(PartitionId id) const {
  return id.value() < partitions_.size() ? partitions_[id.value()].commits : 0;
}

void RecordCache::apply(const Told& told) {
  const auto& [hash, id, told_mutation] = told;
  const Mutation& mutation = *told_mutation;
  const auto known = place_of(hash, id, mutation.key);
  const bool exists = mutation.kind == Mutation::Kind::put;
  if (!known && !exists) return;
  if (known && exists && overwrite(*known, mutation)) return;
  const bool used = known && known->used();
  if (known) remove(*known);
  const auto kept =
      keep(hash, id, mutation.key, exists ? &mutation.record : nullptr, used ? Displaces::yes : Displaces::no);
  if (kept && used) kept->use();
}

// Of the same size, and nobody reads it any more: it stays where it is.
bool RecordCache::overwrite(Place place, const Mutation& mutation) {
  Buffer* entry = place.entry();
  const Record& record = mutation.record;
  const std::string_view value = record.value.view();
  if (entry->capacity() != entry_bytes(mutation.key, value) || !entry->unique()) return false;
  const PartitionId id = head_of(*entry).partition;
  write_entry(*entry, head_for(partition(id).drops, id, mutation.key, &record), mutation.key, value);
  return true;
}

std::optional<RecordCache::Place> RecordCache::keep(std::uint64_t hash, PartitionId id, std::string_view key,
                                                    const Record* record, Displaces displaces) {
  const std::string_view value = record != nullptr ? record->value.view() : std::string_view();
  if (value.size() > kValueBytesMax) return std::nullopt;
  const std::size_t capacity = entry_bytes(key, value);
  const std::size_t bytes = block_bytes(capacity);
  if (bytes_ + bytes > bytes_max_) {
    if (displaces == Displaces::no || buckets_.size() * sizeof(Bucket) + bytes > bytes_max_) return std::nullopt;
    make_room(bytes);
  }
  Bucket& bucket = bucket_of(hash);
  const auto slot = free_slot(bucket, displaces);
  if (!slot) return std::nullopt;
  Buffer* entry = Buffer::create(capacity);
  write_entry(*entry, head_for(partition(id).drops, id, key, record), key, value);
  bucket.entries[*slot] = entry;
  bucket.tags[*slot] = static_cast<std::uint8_t>(hash);
  bytes_ += bytes;
  ++entries_;
  return Place{&bucket, *slot};
}

// By the upper half of the hash; tags are of the lower one.
std::size_t RecordCache::bucket_index(std::uint64_t hash) const {
  return static_cast<std::size_t>((hash >> 32) * buckets_.size() >> 32);
}

// First all buckets, then the entries they point to.
void RecordCache::prefetch(std::span<const std::uint64_t> hashes) const {
  for (const std::uint64_t hash : hashes) __builtin_prefetch(&buckets_[bucket_index(hash)]);
  for (const std::uint64_t hash : hashes) {
    const Bucket& bucket = buckets_[bucket_index(hash)];
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      const char* entry = reinterpret_cast<const char*>(bucket.entries[slot]);
      if (entry == nullptr || bucket.tags[slot] != static_cast<std::uint8_t>(hash)) continue;
      for (std::size_t line = 0; line < kPrefetchedLines; ++line) __builtin_prefetch(entry + line * kLineBytes);
    }
  }
}

RecordCache::Partition& RecordCache::partition(PartitionId id) {
  if (partitions_.size() <= id.value()) partitions_.resize(id.value() + std::size_t{1});
  return partitions_[id.value()];
}

std::optional<RecordCache::Place> RecordCache::place_of(std::uint64_t hash, PartitionId id, std::string_view key) {
  Bucket& bucket = bucket_of(hash);
  const auto tag = static_cast<std::uint8_t>(hash);
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    Buffer* entry = bucket.entries[slot];
    if (entry == nullptr || bucket.tags[slot] != tag) continue;
    if (head_of(*entry).partition == id && key_of(*entry) == key) return Place{&bucket, slot};
  }
  return std::nullopt;
}

std::optional<std::size_t> RecordCache::free_slot(Bucket& bucket, Displaces displaces) {
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (bucket.entries[slot] == nullptr) return slot;
  }
  if (displaces == Displaces::no) return std::nullopt;
  victim_ = (victim_ + 1) % kSlots;  // never the same one, or new entries would push each other out
  for (std::size_t i = 0; i < kSlots; ++i) {
    const Place place{&bucket, (victim_ + i) % kSlots};
    if (place.used()) continue;
    remove(place);
    return place.slot;
  }
  bucket.used = 0;
  remove({&bucket, victim_});
  return victim_;
}

void RecordCache::remove(Place place) {
  Buffer* entry = std::exchange(place.bucket->entries[place.slot], nullptr);
  place.bucket->used &= static_cast<std::uint8_t>(~(1U << place.slot));
  bytes_ -= block_bytes(entry->capacity());
  --entries_;
  entry->release();
}

// The hand passes each bucket at most twice: by then nothing is marked as used.
void RecordCache::make_room(std::size_t bytes) {
  for (; bytes_ + bytes > bytes_max_; hand_ = (hand_ + 1) % buckets_.size()) {
    Bucket& bucket = buckets_[hand_];
    const std::uint8_t used = std::exchange(bucket.used, 0);
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (bucket.entries[slot] != nullptr && (used >> slot & 1U) == 0) remove({&bucket, slot});
    }
  }
}

}  // namespace gyre::runtime
