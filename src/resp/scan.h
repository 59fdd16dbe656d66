// SCAN, KEYS and DBSIZE: the way through the partitions, page by page.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "messages/request.h"
#include "redis/plan.h"
#include "resp/backend.h"
#include "resp/cursors.h"

namespace gyre::resp {

// Take next(), ask for it, and give on_page() the answer, until there is none; then reply().
class Scan {
 public:
  Scan(redis::ScanPlan plan, const messages::ReadConsistency& read, Cursors& cursors);

  // Null: there is no more to ask.
  std::optional<messages::ScanRequest> next(const Backend& backend);
  void on_page(messages::ScanResponse page);
  // REQUIRES: next() gave a request.
  bool is_here(const Backend& backend) const { return backend.holds(place_->partition); }
  // The partition is served elsewhere by now: what it has is not of this process.
  void on_gone() { leave_partition(); }
  redis::Reply reply();

 private:
  void leave_partition();
  bool enough() const;

  const redis::ScanPlan plan_;
  const messages::ReadConsistency read_;
  Cursors& cursors_;
  std::optional<ScanPlace> place_;  // none: at the end
  std::optional<redis::Reply> refused_;
  std::uint32_t looked_at_ = 0;
  std::uint32_t partitions_ = 0;  // left behind by this command
  std::uint64_t number_ = 0;
  std::vector<redis::Reply> names_;
  std::size_t bytes_ = 0;
};

}  // namespace gyre::resp
