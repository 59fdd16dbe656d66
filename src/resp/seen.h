// What one connection has written and seen of each partition: for its reads of level session.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "gyre/result.h"
#include "messages/request.h"

namespace gyre::resp {

// INVARIANT: what of() gives only grows, except that what a failover took back is replaced by what survived, and the
// client is told: take_loss().
class Seen {
 public:
  // Nothing: {0, 0}.
  Position of(PartitionId partition) const;
  // Some of what was seen did not survive, and the client has not been told: true once.
  bool take_loss(PartitionId partition);
  // What survived is not known here: only the primary can say.
  bool asks_primary(PartitionId partition) const;

  // An answer to a request that carried `asked`.
  void on_answer(PartitionId partition, Position asked, const messages::Standing& standing);
  // A member refused: what the request carried, `asked`, is lost.
  void on_lost(PartitionId partition, Position asked);
  // The next read is the primary's: something was shown of which it is not known how new it is.
  void ask_primary(PartitionId partition) { entries_[partition].asks_primary = true; }

  // As routing::SessionToken.
  std::string token(const ClusterId& cluster) const;
  // Adds what `token` has seen. ERRORS: invalid_argument, wrong_cluster.
  Result<void> resume(const ClusterId& cluster, std::size_t partitions, std::string_view token);

 private:
  struct Entry {
    Position seen;
    std::optional<Position> lost = {};  // was seen, did not survive, and the client has not been told
    bool asks_primary = false;
  };
  std::map<PartitionId, Entry> entries_;
};

}  // namespace gyre::resp
