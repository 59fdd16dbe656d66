#include "resp/slow_log.h"

#include <algorithm>
#include <utility>

namespace gyre::resp {

using redis::Reply;

namespace {

Reply text(const std::string& bytes) { return Reply::bulk(Bytes::copy_of(bytes)); }

}  // namespace

void SlowLog::add(Entry entry) {
  const std::lock_guard lock(mutex_);
  entries_.push_front({next_id_++, std::move(entry)});
  if (entries_.size() > kEntriesMax) entries_.pop_back();
}

std::size_t SlowLog::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

void SlowLog::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
}

Reply SlowLog::tell(std::size_t count) const {
  std::vector<Reply> told;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < std::min(count, entries_.size()); ++i) {
    const auto& [id, entry] = entries_[i];
    std::vector<Reply> arguments;
    for (const std::string& argument : entry.arguments) arguments.push_back(text(argument));
    std::vector<Reply> parts;
    parts.push_back(Reply::integer(id));
    parts.push_back(Reply::integer(entry.at.value / 1000));
    parts.push_back(Reply::integer(entry.took / std::chrono::microseconds(1)));
    parts.push_back(Reply::array(std::move(arguments)));
    parts.push_back(text(entry.peer));
    parts.push_back(text(entry.name));
    told.push_back(Reply::array(std::move(parts)));
  }
  return Reply::array(std::move(told));
}

}  // namespace gyre::resp
