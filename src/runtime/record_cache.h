// What the engine holds of keys that are asked for often: reading it there costs as much as all the rest of a get.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "messages/operation.h"
#include "storage/engine.h"

namespace gyre::runtime {

// Of the engine of one host, on its own thread. What was read is kept, absence as well, and follows what is written
// from then on; what is only written takes no room, and next to no time.
//
// A fixed table of chains, over entries in chunks that grow with what is kept. A hand goes round and takes out what was
// not asked for since it came by last ("clock").
//
// INVARIANT: it shows what the engine holds, as long as every commit is told of.
class RecordCache {
 public:
  // Larger ones are not kept: reading them costs more than looking them up.
  static constexpr std::size_t kValueBytesMax = std::size_t{16} * 1024;

  // `bytes_max`: of memory, about; 0: nothing is kept.
  explicit RecordCache(std::size_t bytes_max);

  // As found or absent, expired or not. None: it is not known here.
  std::optional<storage::Lookup> find(PartitionId partition, std::string_view key);
  // What the engine gave, expired or not.
  void put(PartitionId partition, std::string_view key, const storage::Lookup& found);
  // The engine has applied this.
  void on_committed(const storage::PartitionBatch& batch);

  std::size_t entries() const { return entries_; }
  std::size_t bytes() const { return bytes_; }

 private:
  using Index = std::uint32_t;
  static constexpr Index kNone = UINT32_MAX;
  static constexpr std::size_t kChunk = 1024;

  // Key and value lie in one piece of memory.
  struct Entry {
    std::uint64_t hash = 0;
    Index next = kNone;  // in its chain, or of the free ones
    std::uint32_t generation = 0;  // of its partition
    PartitionId partition;
    bool held = false;
    bool used = false;  // since the hand came by
    bool exists = false;
    std::uint32_t key_bytes = 0;
    Bytes data;
    Position version;
    UnixMillis expires_at;

    std::string_view key() const { return data.view().substr(0, key_bytes); }
  };
  using Chunk = std::array<Entry, kChunk>;

  Entry& at(Index index) { return (*chunks_[index / kChunk])[index % kChunk]; }
  Index& chain_of(std::uint64_t hash) { return heads_[hash & (heads_.size() - 1)]; }
  std::uint32_t& generation(PartitionId partition);
  // kNone: there is none.
  Index index_of(std::uint64_t hash, PartitionId partition, std::string_view key);
  void apply(PartitionId partition, const messages::Mutation& mutation);
  // Null: it does not exist. REQUIRES: there is none of this key.
  void keep(std::uint64_t hash, PartitionId partition, std::string_view key, const messages::Record* record);
  Index take_free();
  void remove(Index index);
  void make_room(std::size_t bytes);

  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::size_t entries_ = 0;
  std::vector<Index> heads_;  // of the chains, by hash
  std::vector<std::unique_ptr<Chunk>> chunks_;
  Index free_ = kNone;
  Index hand_ = 0;
  std::vector<std::uint32_t> generations_;  // by partition: entries of earlier ones say nothing
};

}  // namespace gyre::runtime
