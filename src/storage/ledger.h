// The loss ledger of one node: what it held that the surviving history lacks, kept until an operator removes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
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
  // What has these ids and is of earlier terms than these retries has survived after all. ERRORS: storage_failed.
  virtual Result<void> mark_reapplied(PartitionId partition, std::span<const messages::Retried> retries) = 0;
  // By partition, the writes that have ids and are not marked: a retry may bring them back.
  virtual std::map<PartitionId, std::vector<messages::LostId>> lost_ids() const = 0;
  // Up to `items_max` entries with an id above `after`, by id. ERRORS: corrupt, storage_failed.
  virtual Result<messages::LostResponse> page(std::uint64_t after, std::size_t items_max) const = 0;
};

// In the file `ledger` of a data directory. ERRORS: corrupt (says where), storage_failed, unsupported.
Result<std::unique_ptr<Ledger>> open_ledger(const std::filesystem::path& directory);

// For the simulator and tests.
std::unique_ptr<Ledger> make_memory_ledger();

}  // namespace gyre::storage
