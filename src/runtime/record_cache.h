// What the engine holds of keys that are asked for often: reading it there costs as much as all the rest of a get.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "messages/operation.h"
#include "storage/engine.h"

namespace gyre::runtime {

// Of the engine of one host, on its own thread. What was read is kept, absence as well, and follows what is written
// from then on; what is only written is kept while there is room that nothing else needs.
//
// A table of buckets, each of one cache line, whose slots point to entries of one piece of memory: to find one takes
// two misses of the processor's caches. A bucket that is full gives one of its entries up. A hand goes round over the
// buckets and takes out what was not asked for since it came by last ("clock").
//
// INVARIANT: it shows what the engine holds, as long as every commit is told of. (What is ingested need not be: nobody
// reads the partition meanwhile, and a drop that was told of comes before.)
class RecordCache {
 public:
  // Larger ones are not kept: reading them costs more than looking them up.
  static constexpr std::size_t kValueBytesMax = std::size_t{16} * 1024;

  // `bytes_max`: of memory, about; what is too little for a bucket and an entry: nothing is kept.
  explicit RecordCache(std::size_t bytes_max);
  ~RecordCache();
  RecordCache(RecordCache&&) = delete;

  struct Key {
    PartitionId partition;
    std::string_view key;
  };
  // These are about to be asked for: has the processor fetch what will be looked at, of all of them at once.
  // REQUIRES: no more than limits::kKeysAhead.
  void prefetch(std::span<const Key> keys) const;
  // As found or absent, expired or not. None: it is not known here.
  std::optional<storage::Lookup> find(PartitionId partition, std::string_view key);
  // What the engine gave, expired or not, and no commit has changed since.
  void put(PartitionId partition, std::string_view key, const storage::Lookup& found);
  // The engine has applied this.
  void on_committed(std::span<const storage::PartitionBatch> batches);
  // Another number whenever a commit of the partition was told of: what was read off the loop may be out of date.
  std::uint64_t commits(PartitionId partition) const;

  std::size_t entries() const { return entries_; }
  // Of the table and all entries.
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kSlots = 7;

  // A slot without an entry is null. Tags are of the keys' hashes: few entries are looked at in vain.
  struct alignas(64) Bucket {
    std::array<Buffer*, kSlots> entries{};
    std::array<std::uint8_t, kSlots> tags{};
    std::uint8_t used = 0;  // a bit for each slot: since the hand came by
  };
  static_assert(sizeof(Bucket) == 64);
  struct Place {
    Bucket* bucket = nullptr;
    std::size_t slot = 0;

    Buffer* entry() const { return bucket->entries[slot]; }
    bool used() const { return (bucket->used >> slot & 1U) != 0; }
    void use() const { bucket->used |= static_cast<std::uint8_t>(1U << slot); }
  };
  struct Partition {
    std::uint64_t commits = 0;
    std::uint32_t drops = 0;  // entries of before say nothing
  };

  struct Told {
    std::uint64_t hash = 0;
    PartitionId partition;
    const messages::Mutation* mutation = nullptr;
  };

  Bucket& bucket_of(std::uint64_t hash) { return buckets_[bucket_index(hash)]; }
  std::size_t bucket_index(std::uint64_t hash) const;
  void prefetch(std::span<const std::uint64_t> hashes) const;
  Partition& partition(PartitionId id);
  std::optional<Place> place_of(std::uint64_t hash, PartitionId partition, std::string_view key);
  void tell(PartitionId partition, const messages::Mutation& mutation);
  void apply_told();
  void apply(const Told& told);
  bool overwrite(Place place, const messages::Mutation& mutation);
  // Whether an entry may take the room of others.
  enum class Displaces : bool { no, yes };
  // Null: it does not exist. None: it is not kept. REQUIRES: there is none of this key.
  std::optional<Place> keep(std::uint64_t hash, PartitionId partition, std::string_view key,
                            const messages::Record* record, Displaces displaces);
  // A slot of the bucket that is free.
  std::optional<std::size_t> free_slot(Bucket& bucket, Displaces displaces);
  void remove(Place place);
  void make_room(std::size_t bytes);

  const std::size_t bytes_max_;
  std::vector<Bucket> buckets_;
  std::size_t bytes_;
  std::size_t entries_ = 0;
  std::size_t hand_ = 0;  // the bucket it comes to next
  std::size_t victim_ = 0;  // the slot of a full bucket that was asked first, last time
  std::vector<Partition> partitions_;
  std::vector<Told> told_;  // and not applied yet
};

}  // namespace gyre::runtime
