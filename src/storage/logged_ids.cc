#include "storage/logged_ids.h"

#include <algorithm>
#include <map>

#include "base/limits.h"

namespace gyre::storage {

void LoggedIds::add(const messages::LoggedWrite& write) {
  if (!write.id.given()) return;
  add(messages::WindowWrite{.id = write.id,
                            .lowest_open = write.lowest_open,
                            .position = write.position,
                            .time = write.time,
                            .fingerprint = write.fingerprint,
                            .outcomes = write.outcomes});
}

void LoggedIds::add(messages::WindowWrite write) {
  if (!writes_.empty() && writes_.back().position.sequence >= write.position.sequence) return;
  writes_.push_back(std::move(write));
}

void LoggedIds::replace(const std::vector<messages::WindowWrite>& writes) {
  writes_.assign(writes.begin(), writes.end());
  std::ranges::sort(writes_, {}, [](const messages::WindowWrite& write) { return write.position.sequence; });
}

void LoggedIds::truncate_after(Sequence last) {
  while (!writes_.empty() && writes_.back().position.sequence > last) writes_.pop_back();
}

void LoggedIds::expire(UnixMillis time) {
  constexpr std::int64_t kLifeMs = std::chrono::milliseconds(limits::kWriteIdLife).count();
  while (!writes_.empty() && writes_.front().time.value + kLifeMs < time.value) writes_.pop_front();
}

std::vector<messages::WindowWrite> LoggedIds::open() const {
  std::map<ClientId, WriteNumber> lowest_open;
  for (const messages::WindowWrite& write : writes_) {
    WriteNumber& lowest = lowest_open[write.id.client];
    lowest = std::max(lowest, write.lowest_open);
  }
  std::vector<messages::WindowWrite> open;
  for (const messages::WindowWrite& write : writes_) {
    if (write.id.number >= lowest_open[write.id.client]) open.push_back(write);
  }
  return open;
}

}  // namespace gyre::storage
