#include "resp/scan.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "redis/glob.h"

namespace gyre::resp {

using redis::Reply;
using Kind = redis::ScanPlan::Kind;

namespace {

// A page that found nothing yet goes on through so many partitions, so that an empty cluster is soon looked through.
constexpr std::uint32_t kPartitionsPerPage = 64;
constexpr std::uint32_t kItemsPerRequest = 1000;
constexpr std::size_t kNameBytesMax = std::size_t{64} * 1024 * 1024;

}  // namespace

Scan::Scan(redis::ScanPlan plan, const messages::ReadConsistency& read, Cursors& cursors)
    : plan_(std::move(plan)), read_(read), cursors_(cursors) {
  if (plan_.finds_nothing) return;
  place_ = plan_.cursor == 0 ? ScanPlace{} : cursors_.find(plan_.cursor);
  if (!place_) refused_ = Reply::error("ERR this cursor is not known here (any more): begin again with 0");
}

std::optional<messages::ScanRequest> Scan::next(const Backend& backend) {
  const std::size_t partitions = backend.map()->entries.size();
  while (place_ && place_->partition.value() < partitions && !backend.holds(place_->partition)) leave_partition();
  if (place_ && place_->partition.value() >= partitions) place_.reset();
  if (refused_ || !place_ || enough()) return std::nullopt;
  const std::uint32_t items = plan_.kind == Kind::page ? plan_.count - looked_at_ : kItemsPerRequest;
  return messages::ScanRequest{.partition = place_->partition,
                               .prefix = plan_.prefix,
                               .after = place_->after,
                               .items_max = std::min(items, kItemsPerRequest),
                               .values_wanted = false,
                               .read = read_};
}

bool Scan::enough() const {
  return plan_.kind == Kind::page && (looked_at_ >= plan_.count || partitions_ >= kPartitionsPerPage);
}

void Scan::on_page(messages::ScanResponse page) {
  looked_at_ += static_cast<std::uint32_t>(page.items.size());
  for (messages::ScanItem& item : page.items) {
    if (plan_.pattern && !redis::glob_matches(*plan_.pattern, item.key.view())) continue;
    ++number_;
    if (plan_.kind == Kind::number) continue;
    // Copied: a name that is kept must not keep the whole page.
    bytes_ += item.key.size() + sizeof(Reply);
    names_.push_back(Reply::bulk(Bytes::copy_of(item.key.view())));
  }
  if (bytes_ > kNameBytesMax) {
    refused_ = Reply::error_text(fmt::format("ERR more than {} MiB of names match: use SCAN", kNameBytesMax >> 20));
  }
  if (!page.more || page.items.empty()) return leave_partition();
  place_->after = std::move(page.items.back().key);
}

void Scan::leave_partition() {
  ++partitions_;
  place_->partition = PartitionId(static_cast<std::uint16_t>(place_->partition.value() + 1));
  place_->after = {};
}

Reply Scan::reply() {
  if (refused_) return *std::move(refused_);
  if (plan_.kind == Kind::number) return Reply::integer(static_cast<std::int64_t>(number_));
  if (plan_.kind == Kind::names) return Reply::array(std::move(names_));
  const std::uint64_t cursor = place_ ? cursors_.keep(*place_) : 0;
  return Reply::array({Reply::bulk(Bytes::copy_of(fmt::to_string(cursor))), Reply::array(std::move(names_))});
}

}  // namespace gyre::resp
