#include "tools/gyre/leaver_ledger.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/core.h>

#include "tools/gyre/event_text.h"
#include "tools/gyre/lost_writes.h"

namespace gyre::cli {
namespace {

constexpr Duration kLedgerLimit = std::chrono::seconds(2);

}  // namespace

void LeaverLedger::read() {
  // Events first: what is written to the ledger between the two is in what is read.
  const auto events = events_behind(source_, last_event_, kLedgerLimit);
  auto more = read_ledger(address_, kLedgerLimit, items_.empty() ? 0 : items_.back().id);
  if (!events || !more) return;
  was_read_ = true;
  if (!events->empty()) last_event_ = events->back().id;
  std::ranges::move(*more, std::back_inserter(items_));
}

bool LeaverLedger::complete() {
  const auto events = events_behind(source_, last_event_, kLedgerLimit);
  return was_read_ && events && std::ranges::none_of(*events, [&](const messages::ClusterEvent& event) {
           return event.kind == "lost_writes" && event.node == node_;
         });
}

Result<void> LeaverLedger::save(const std::filesystem::path& path) const {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  for (const messages::LostItem& item : items_) out << lost_json({node_, item}, true).dump() << '\n';
  out.close();
  if (out) return {};
  return fail(ErrorCode::storage_failed, fmt::format("cannot write {}: is the disk full?", path.string()));
}

}  // namespace gyre::cli
