// What the loss ledgers of a cluster say, put together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/request.h"
#include "tools/gyre/cluster_source.h"
#include "tools/gyre/render.h"

namespace gyre::cli {

// One write or range, whoever brought it.
struct LostRecord {
  NodeId node;  // in whose ledger it is; of several the first
  messages::LostItem item;

  PartitionId partition() const;
  Position position() const;  // of the write, or where the range begins
  // "12:4:1042": partition, term, sequence. Names it on the command line.
  std::string id() const;
  const messages::LostWrite* write() const { return std::get_if<messages::LostWrite>(&item.loss); }
  const messages::LostRange* range() const { return std::get_if<messages::LostRange>(&item.loss); }
};

// A former primary that is away: what only it holds is not known yet.
struct OpenLoss {
  PartitionId partition;
  ring::DeposedPrimary deposed;
};

struct LedgerView {
  std::vector<LostRecord> records;  // by partition and position
  std::vector<OpenLoss> open;
  std::vector<NodeId> silent;  // nodes that gave no answer

  std::size_t lost() const;       // writes that no retry brought back
  std::size_t gone() const;       // writes of which a ledger holds only the range
  std::size_t reapplied() const;
};

std::uint64_t writes_in(const messages::LostRange& range);
// Puts what several ledgers say of one write or range into one record, and orders all by partition and position.
std::vector<LostRecord> merge_losses(std::vector<LostRecord> records);

// As `gyre lost list --json` prints it; values only where they are wanted.
Json lost_json(const LostRecord& record, bool with_values);
// Who wrote it: "00000000075bcd15#3"; "-": unknown.
std::string client_of(const messages::LostWrite& write);

// The ledger of one node behind entry `after`, up to its end. ERRORS: as client::call; unsupported.
Result<std::vector<messages::LostItem>> read_ledger(const std::string& address, Duration limit,
                                                    std::uint64_t after = 0);
// ERRORS: unavailable (no node answers).
Result<LedgerView> collect_lost_writes(const ClusterSource& source, Duration limit);

}  // namespace gyre::cli
