// The loss ledger of one node: what it held that the surviving history lacks, kept until an operator removes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "gyre/result.h"
#include "messages/request.h"

namespace gyre::storage {

// THREAD: any, one call at a time is enough; all of it blocks.
class Ledger {
 public:
  virtual ~Ledger() = default;

  // Adds `losses`; durable (synced) when it returns. A loss that is there already (same partition, position) is not
  // added again. ERRORS: storage_failed.
  virtual Result<void> append(std::span<const messages::Loss> losses, UnixMillis now) = 0;
  // The writes with these ids have survived after all, by a retry. ERRORS: storage_failed.
  virtual Result<void> mark_reapplied(PartitionId partition, std::span<const messages::WriteId> ids) = 0;
  // The ids of this partition's writes from partition time `since` on that are not marked: a retry may bring them back.
  virtual std::vector<messages::WriteId> lost_ids(PartitionId partition, UnixMillis since) const = 0;
  // Up to `items_max` entries with an id above `after`, by id. ERRORS: corrupt, storage_failed.
  virtual Result<messages::LostResponse> page(std::uint64_t after, std::size_t items_max) const = 0;
};

// In the file `ledger` of a data directory. ERRORS: corrupt (says where), storage_failed, unsupported.
Result<std::unique_ptr<Ledger>> open_ledger(const std::filesystem::path& directory);

// For the simulator and tests.
std::unique_ptr<Ledger> make_memory_ledger();

}  // namespace gyre::storage
