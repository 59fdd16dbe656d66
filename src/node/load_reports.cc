#include "node/load_reports.h"

#include <algorithm>
#include <utility>

namespace gyre::node {

std::optional<messages::LoadReport> LoadReports::add(std::size_t store, messages::LoadReport report) {
  const bool again = stores_[store].anew;
  stores_[store] = {std::move(report), true};
  if (!again && !std::ranges::all_of(stores_, &Store::anew)) return std::nullopt;
  for (Store& each : stores_) each.anew = false;
  stores_[store].anew = again;  // ahead of the others: it goes on alone until they tell
  return joined();
}

// Of latencies the worst: a node sends slower for the sake of its slowest requests.
messages::LoadReport LoadReports::joined() const {
  messages::LoadReport all;
  for (const auto& [report, anew] : stores_) {
    all.items.insert(all.items.end(), report.items.begin(), report.items.end());
    all.transfers.insert(all.transfers.end(), report.transfers.begin(), report.transfers.end());
    all.p99_us = std::max(all.p99_us, report.p99_us);
    all.rest_p99_us = std::max(all.rest_p99_us, report.rest_p99_us);
  }
  std::ranges::sort(all.items, {}, &messages::LoadReport::Item::partition);
  std::ranges::stable_sort(all.transfers, {}, &messages::LoadReport::Transfer::partition);
  return all;
}

}  // namespace gyre::node
