#include "replication/lost_ids.h"

#include <algorithm>
#include <iterator>

#include "base/limits.h"

namespace gyre::replication {

using messages::WriteId;

LostIds::LostIds(std::vector<WriteId> ids, UnixMillis time, Instant now) : retry_(now) { add(ids, time); }

void LostIds::add(const std::vector<WriteId>& ids, UnixMillis time) {
  std::ranges::copy_if(ids, std::back_inserter(ids_), &WriteId::given);
  std::ranges::sort(ids_);
  const auto twice = std::ranges::unique(ids_);
  ids_.erase(twice.begin(), twice.end());
  // Twice the life of an id: what this member has heard of the partition's time may be old.
  until_ = {time.value + 2 * to_ms(limits::kWriteIdLife)};
}

void LostIds::find(const WriteId& id, UnixMillis time, Sequence at) {
  if (time > until_) return ids_.clear();
  const auto found = std::ranges::lower_bound(ids_, id);
  if (found == ids_.end() || *found != id) return;
  ids_.erase(found);
  found_.push_back({id, at});
}

void LostIds::look_through(const Window& window) {
  std::erase_if(ids_, [&](const WriteId& id) {
    const messages::WindowWrite* retry = window.find(id);
    if (retry != nullptr) found_.push_back({id, retry->position.sequence});
    return retry != nullptr;
  });
}

void LostIds::on_given_up(Sequence last) {
  const auto given_up = std::ranges::partition(found_, [last](const Found& found) { return found.at <= last; });
  for (const Found& found : given_up) ids_.push_back(found.id);
  std::ranges::sort(ids_);
  found_.erase(given_up.begin(), given_up.end());
}

void LostIds::progress(Instant now, Sequence stored, TaskIds& tasks, std::vector<Effect>& effects) {
  if (task_ || (found_.empty() && marking_.empty())) return;
  std::erase_if(found_, [&](const Found& found) {
    if (found.at <= stored) marking_.push_back(found.id);
    return found.at <= stored;
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
