// SCAN, KEYS and their kind: the way through the partitions, page by page.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/rng.h"
#include "messages/request.h"
#include "redis/plan.h"
#include "resp/backend.h"
#include "resp/cursors.h"

namespace gyre::resp {

// Take next(), ask for it, and give on_page() or on_deleted() the answer, until there is none; then reply().
class Scan {
 public:
  Scan(redis::ScanPlan plan, const Client& client, Cursors& cursors, Rng rng);

  // A page, or a write that deletes what the last one held. Null: there is no more to ask.
  std::optional<messages::RequestBody> next(const Backend& backend);
  void on_page(messages::ScanResponse page);
  void on_deleted() { deleting_.clear(); }
  // Of what was asked for last.
  PartitionId partition() const { return asked_; }
  bool is_here(const Backend& backend) const { return backend.holds(asked_); }
  Slot slot(const Backend& backend) const;
  // The partition is served elsewhere by now: what it has is not of this process.
  void on_gone();
  redis::Reply reply(const Backend& backend);

 private:
  static std::vector<bool> held(const Backend& backend);
  void begin(const Backend& backend);
  void leave_partition();
  bool enough() const;

  const redis::ScanPlan plan_;
  const messages::ReadConsistency read_;
  const messages::AckCount ack_;
  Cursors& cursors_;
  Rng rng_;
  bool begun_ = false;
  std::vector<bool> held_;  // by partition, at the beginning: of what is cleared
  std::optional<ScanPlace> place_;  // none: at the end
  PartitionId asked_;
  std::optional<redis::Reply> refused_;
  std::uint32_t looked_at_ = 0;
  std::uint32_t partitions_ = 0;  // left behind by this command
  std::uint64_t number_ = 0;
  std::vector<messages::WriteOperation> deleting_;
  std::vector<redis::Reply> names_;
  std::size_t bytes_ = 0;
};

}  // namespace gyre::resp
