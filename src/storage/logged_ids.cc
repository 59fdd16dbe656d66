#include "storage/logged_ids.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <ranges>

#include "base/limits.h"

namespace gyre::storage {
namespace {

// Not more than a window counts.
std::size_t bytes_noted(const messages::WindowWrite& write) {
  return sizeof write + write.outcomes.size() * sizeof(messages::WriteOutcome);
}

}  // namespace

void LoggedIds::add(const messages::LoggedWrite& write) {
  if (write.id.given()) add(messages::window_write(write));
}

void LoggedIds::add(messages::WindowWrite write) {
  if (!writes_.empty() && writes_.back().position.sequence >= write.position.sequence) return;
  writes_.push_back(std::move(write));
  if (writes_.size() >= compact_at_) compact();
}

void LoggedIds::replace(const std::vector<messages::WindowWrite>& writes) {
  writes_.assign(writes.begin(), writes.end());
  std::ranges::sort(writes_, {}, [](const messages::WindowWrite& write) { return write.position.sequence; });
}

void LoggedIds::truncate_after(Sequence last) {
  while (!writes_.empty() && writes_.back().position.sequence > last) writes_.pop_back();
}

std::vector<messages::WindowWrite> LoggedIds::window() const {
  std::map<ClientId, WriteNumber> lowest_open;
  for (const messages::WindowWrite& write : writes_) {
    if (write.closed) continue;
    WriteNumber& lowest = lowest_open[write.id.client];
    // A write is open itself, whatever it says.
    lowest = std::max(lowest, std::min(write.lowest_open, write.id.number));
  }
  std::vector<messages::WindowWrite> kept;
  std::size_t open = 0;
  std::size_t bytes = 0;
  std::size_t retries = 0;
  bool full = false;
  for (const messages::WindowWrite& write : std::views::reverse(writes_)) {
    if (write.closed || write.id.number < lowest_open[write.id.client]) {
      if (write.may_repeat && retries++ < limits::kRetriesKeptMax) kept.push_back(messages::closed_retry(write));
      continue;
    }
    full = full || open >= limits::kWindowWritesMax || bytes >= limits::kWindowBytesMax;
    if (full) continue;
    // The newest does not count: a window takes one more while it is not full.
    if (open++ > 0) bytes += bytes_noted(write);
    kept.push_back(write);
  }
  std::ranges::reverse(kept);
  return kept;
}

void LoggedIds::compact() {
  std::vector<messages::WindowWrite> kept = window();
  writes_.assign(std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end()));
  compact_at_ = std::max(kCompactMin, 2 * writes_.size());
}

}  // namespace gyre::storage
