#include "replication/lost_ids.h"

#include <algorithm>

#include "base/limits.h"

namespace gyre::replication {

using messages::LostId;
using messages::WriteId;

namespace {

// Twice the life of an id: the clocks of two primaries differ.
UnixMillis retries_until(UnixMillis lost) { return {lost.value + 2 * to_ms(limits::kWriteIdLife)}; }

}  // namespace

void LostIds::add(const std::vector<LostId>& lost) {
  for (const LostId& write : lost) {
    if (!write.id.given()) continue;
    const auto [first, last] = lost_.equal_range(write.id);
    const bool known = std::any_of(first, last, [&](const auto& other) { return other.second.term == write.term; });
    if (!known) lost_.emplace(write.id, Lost{write.term, write.time});
    until_ = std::max(until_, retries_until(write.time));
  }
}

void LostIds::find(const WriteId& id, Position at, UnixMillis time) {
  if (time > until_) return lost_.clear();
  const auto [first, last] = lost_.equal_range(id);
  std::vector<Lost> lost;
  for (auto write = first; write != last;) {
    if (write->second.term < at.term && time <= retries_until(write->second.time)) {
      lost.push_back(write->second);
      write = lost_.erase(write);
    } else {
      ++write;
    }
  }
  if (!lost.empty()) found_.push_back({id, at, std::move(lost)});
}

void LostIds::look_through(const Window& window) {
  std::vector<messages::WindowWrite> held;
  for (const auto& [id, lost] : lost_) {
    if (const messages::WindowWrite* write = window.find(id)) held.push_back(*write);
  }
  // The older ones first: what is late ends the search.
  for (const auto& [sequence, write] : window.retries()) on_written(write.id, write.position, write.time);
  for (const messages::WindowWrite& write : held) find(write.id, write.position, write.time);
}

void LostIds::on_given_up(Sequence last, Sequence assigned) {
  std::erase_if(found_, [&](const Found& found) {
    const bool given_up = found.retry.sequence > last && found.retry.sequence <= assigned;
    for (const Lost& lost : found.lost) {
      if (given_up) lost_.emplace(found.id, lost);
    }
    return given_up;
  });
}

void LostIds::progress(Instant now, Sequence stored, TaskIds& tasks, std::vector<Effect>& effects) {
  if (task_) return;
  std::erase_if(found_, [&](const Found& found) {
    const bool is_stored = found.retry.sequence <= stored;
    if (is_stored) marking_.push_back({found.id, found.retry.term});
    return is_stored;
  });
  if (marking_.empty() || !retry_.due(now)) return;
  task_ = tasks.next();
  effects.emplace_back(MarkReapplied{*task_, marking_});
}

void LostIds::on_marked(Instant now, TaskId task, const Result<void>& outcome) {
  if (task_ != task) return;
  task_.reset();
  if (!outcome) return retry_.failed(now);
  retry_ = Retry(now);
  marking_.clear();
}

}  // namespace gyre::replication
