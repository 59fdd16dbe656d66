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

// A primary has what any session has seen.
messages::ReadConsistency read_of(const Client& client) {
  return client.read.level == messages::ReadLevel::session ? messages::ReadConsistency{} : client.read;
}

}  // namespace

Scan::Scan(redis::ScanPlan plan, const Client& client, Cursors& cursors, Rng rng)
    : plan_(std::move(plan)),
      // What is deleted must be what there is.
      read_(plan_.kind == Kind::clear ? messages::ReadConsistency{} : read_of(client)),
      ack_(client.ack),
      cursors_(cursors),
      rng_(std::move(rng)) {}

std::vector<bool> Scan::held(const Backend& backend) {
  std::vector<bool> held;
  for (std::size_t p = 0; p < backend.map()->entries.size(); ++p) {
    held.push_back(backend.holds(PartitionId(static_cast<std::uint16_t>(p))));
  }
  return held;
}

void Scan::begin(const Backend& backend) {
  if (plan_.kind == Kind::clear) held_ = held(backend);
  if (plan_.finds_nothing) return;
  if (plan_.cursor != 0) {
    place_ = cursors_.find(plan_.cursor);
    if (!place_) refused_ = Reply::error("ERR this cursor is not known here (any more): begin again with 0");
    return;
  }
  place_.emplace();
  if (plan_.slot) place_->partition = backend.map()->partitioning().of(*plan_.slot);
  if (plan_.kind == Kind::any) {
    place_->partition = PartitionId(static_cast<std::uint16_t>(rng_.below(backend.map()->entries.size())));
  }
}

std::optional<messages::RequestBody> Scan::next(const Backend& backend) {
  if (!std::exchange(begun_, true)) begin(backend);
  if (!deleting_.empty()) return messages::WriteRequest{.operations = deleting_, .ack = ack_};
  const std::size_t partitions = backend.map()->entries.size();
  while (place_) {
    if (place_->partition.value() >= partitions && plan_.kind == Kind::any) place_->partition = PartitionId(0);
    if (place_->partition.value() >= partitions || partitions_ >= partitions) {
      place_.reset();
    } else if (!backend.holds(place_->partition)) {
      leave_partition();
    } else {
      break;
    }
  }
  if (refused_ || !place_ || enough()) return std::nullopt;
  asked_ = place_->partition;
  const std::uint32_t items = plan_.kind == Kind::page ? plan_.count - looked_at_ : kItemsPerRequest;
  return messages::ScanRequest{.partition = place_->partition,
                               .prefix = plan_.prefix,
                               .after = place_->after,
                               .items_max = std::min(items, kItemsPerRequest),
                               .values_wanted = false,
                               .read = read_};
}

bool Scan::enough() const {
  switch (plan_.kind) {
    case Kind::page: return looked_at_ >= plan_.count || partitions_ >= kPartitionsPerPage;
    case Kind::names: return names_.size() >= plan_.count || (plan_.slot && partitions_ > 0);
    case Kind::number: return plan_.slot && partitions_ > 0;
    case Kind::any: return !names_.empty();
    case Kind::clear: return false;
  }
  return true;
}

Slot Scan::slot(const Backend& backend) const {
  return Slot(static_cast<std::uint16_t>(backend.map()->partitioning().slots(asked_).first));
}

void Scan::on_page(messages::ScanResponse page) {
  looked_at_ += static_cast<std::uint32_t>(page.items.size());
  for (messages::ScanItem& item : page.items) {
    if (plan_.pattern && !redis::glob_matches(*plan_.pattern, item.key.view())) continue;
    if (plan_.slot && ring::slot_of(item.key.view()) != *plan_.slot) continue;
    ++number_;
    if (plan_.kind == Kind::number) continue;
    if (plan_.kind == Kind::clear) {
      deleting_.push_back({.kind = messages::WriteKind::del, .key = Bytes::copy_of(item.key.view())});
      continue;
    }
    if (plan_.kind == Kind::names && names_.size() >= plan_.count) break;
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

void Scan::on_gone() {
  deleting_.clear();
  if (place_ && place_->partition == asked_) leave_partition();
}

void Scan::leave_partition() {
  ++partitions_;
  place_->partition = PartitionId(static_cast<std::uint16_t>(place_->partition.value() + 1));
  place_->after = {};
}

Reply Scan::reply(const Backend& backend) {
  if (refused_) return *std::move(refused_);
  switch (plan_.kind) {
    case Kind::names: return Reply::array(std::move(names_));
    case Kind::number: return Reply::integer(static_cast<std::int64_t>(number_));
    case Kind::any: return names_.empty() ? Reply::null() : std::move(names_[rng_.below(names_.size())]);
    case Kind::clear:
      // Whoever has it now may have been asked before it came.
      if (held(backend) == held_) return Reply::ok();
      return Reply::error("TRYAGAIN partitions have moved meanwhile: some keys may be left");
    case Kind::page: break;
  }
  const std::uint64_t cursor = place_ ? cursors_.keep(*place_) : 0;
  return Reply::array({Reply::bulk(Bytes::copy_of(fmt::to_string(cursor))), Reply::array(std::move(names_))});
}

}  // namespace gyre::resp
