#include "runtime/record_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/hash.h"

namespace gyre::runtime {

using messages::Mutation;
using messages::Record;
using storage::Lookup;

namespace {

// What a small record takes, about: as many chains as entries of this size fit.
constexpr std::size_t kUsualEntryBytes = 256;
// Of the memory block behind an entry, besides its contents.
constexpr std::size_t kBlockBytes = 32;

std::uint64_t hash_of(PartitionId partition, std::string_view key) { return hash64(key, partition.value()); }

Bytes join(std::string_view key, std::string_view value) {
  Buffer* buffer = Buffer::create(key.size() + value.size());
  std::memcpy(buffer->data(), key.data(), key.size());
  if (!value.empty()) std::memcpy(buffer->data() + key.size(), value.data(), value.size());
  return Bytes::adopt(buffer, {buffer->data(), key.size() + value.size()});
}

}  // namespace

RecordCache::RecordCache(std::size_t bytes_max) : bytes_max_(bytes_max) {
  if (bytes_max > 0) heads_.assign(std::bit_ceil(std::max<std::size_t>(bytes_max / kUsualEntryBytes, 1)), kNone);
}

std::optional<Lookup> RecordCache::find(PartitionId partition, std::string_view key) {
  if (bytes_max_ == 0) return std::nullopt;
  const Index index = index_of(hash_of(partition, key), partition, key);
  if (index == kNone) return std::nullopt;
  Entry& entry = at(index);
  if (entry.generation != generation(partition)) return std::nullopt;
  entry.used = true;
  if (!entry.exists) return Lookup{};
  return Lookup{Lookup::State::found, Record{.value = entry.data.slice(entry.data.view().substr(entry.key_bytes)),
                                             .version = entry.version,
                                             .expires_at = entry.expires_at}};
}

void RecordCache::put(PartitionId partition, std::string_view key, const Lookup& found) {
  if (bytes_max_ == 0 || found.state == Lookup::State::needs_disk) return;
  const std::uint64_t hash = hash_of(partition, key);
  if (const Index known = index_of(hash, partition, key); known != kNone) remove(known);
  keep(hash, partition, key, found.state == Lookup::State::found ? &found.record : nullptr);
}

void RecordCache::on_committed(const storage::PartitionBatch& batch) {
  if (bytes_max_ == 0) return;
  if (batch.drop_first) ++generation(batch.partition);
  for (const messages::LoggedWritePtr& write : batch.writes) {
    for (const Mutation& mutation : write->mutations) apply(batch.partition, mutation);
  }
  for (const Mutation& repair : batch.repairs) apply(batch.partition, repair);
}

void RecordCache::apply(PartitionId partition, const Mutation& mutation) {
  const std::uint64_t hash = hash_of(partition, mutation.key);
  const Index known = index_of(hash, partition, mutation.key);
  if (known == kNone) return;
  const bool current = at(known).generation == generation(partition);
  remove(known);
  const bool exists = mutation.kind == Mutation::Kind::put;
  if (current) keep(hash, partition, mutation.key, exists ? &mutation.record : nullptr);
}

void RecordCache::keep(std::uint64_t hash, PartitionId partition, std::string_view key, const Record* record) {
  const std::string_view value = record != nullptr ? record->value.view() : std::string_view();
  if (value.size() > kValueBytesMax) return;
  const std::size_t bytes = sizeof(Entry) + kBlockBytes + key.size() + value.size();
  if (bytes > bytes_max_) return;
  make_room(bytes);
  const Index index = take_free();
  Entry& entry = at(index);
  Index& chain = chain_of(hash);
  entry = {.hash = hash,
           .next = chain,
           .generation = generation(partition),
           .partition = partition,
           .held = true,
           .exists = record != nullptr,
           .key_bytes = static_cast<std::uint32_t>(key.size()),
           .data = join(key, value),
           .version = record != nullptr ? record->version : Position(),
           .expires_at = record != nullptr ? record->expires_at : kNoExpiry};
  chain = index;
  bytes_ += bytes;
  ++entries_;
}

std::uint32_t& RecordCache::generation(PartitionId partition) {
  if (generations_.size() <= partition.value()) generations_.resize(partition.value() + std::size_t{1});
  return generations_[partition.value()];
}

RecordCache::Index RecordCache::index_of(std::uint64_t hash, PartitionId partition, std::string_view key) {
  for (Index index = chain_of(hash); index != kNone; index = at(index).next) {
    const Entry& entry = at(index);
    if (entry.hash == hash && entry.partition == partition && entry.key() == key) return index;
  }
  return kNone;
}

RecordCache::Index RecordCache::take_free() {
  if (free_ == kNone) {
    const auto first = static_cast<Index>(chunks_.size() * kChunk);
    chunks_.push_back(std::make_unique<Chunk>());
    for (std::size_t i = kChunk; i > 0; --i) {
      Entry& entry = (*chunks_.back())[i - 1];
      entry.next = free_;
      free_ = first + static_cast<Index>(i - 1);
    }
  }
  const Index index = free_;
  free_ = at(index).next;
  return index;
}

void RecordCache::remove(Index index) {
  Entry& entry = at(index);
  Index* link = &chain_of(entry.hash);
  while (*link != index) link = &at(*link).next;
  *link = entry.next;
  bytes_ -= sizeof(Entry) + kBlockBytes + entry.data.size();
  --entries_;
  entry = {.next = free_};
  free_ = index;
}

// The hand passes each entry at most twice: by then none is marked as used.
void RecordCache::make_room(std::size_t bytes) {
  const auto entries = static_cast<Index>(chunks_.size() * kChunk);
  while (bytes_ + bytes > bytes_max_) {
    Entry& entry = at(hand_);
    if (entry.held && !std::exchange(entry.used, false)) remove(hand_);
    hand_ = (hand_ + 1) % entries;
  }
}

}  // namespace gyre::runtime
