#include "router/coalescer.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace gyre::router {

std::optional<Coalescer::Group> Coalescer::on_read(const messages::GetRequest& read, Reader reader, Instant deadline) {
  Open& open = open_[kind_of(read)];
  if (open.count < kOpenMax) {
    ++open.count;
    Group group{.read = read, .readers = {}, .deadline = deadline, .joined = true};
    group.readers.push_back(std::move(reader));
    return group;
  }
  joined_.add();
  open.waiting.push_back(std::move(reader));
  open.deadline = std::max(open.deadline, deadline);
  return std::nullopt;
}

std::optional<Coalescer::Group> Coalescer::on_answered(const messages::GetRequest& read) {
  const auto known = open_.find(kind_of(read));
  GYRE_ASSERT(known != open_.end());
  Open& open = known->second;
  if (open.waiting.empty()) {
    if (--open.count == 0) open_.erase(known);
    return std::nullopt;
  }
  return Group{.read = read,
               .readers = std::exchange(open.waiting, {}),
               .deadline = std::exchange(open.deadline, Instant()),
               .joined = true};
}

bool Coalescer::has_room(const messages::GetRequest& read) const {
  const auto known = open_.find(kind_of(read));
  return known == open_.end() || known->second.waiting.size() < kWaitingMax;
}

Coalescer::Kind Coalescer::kind_of(const messages::GetRequest& read) {
  return {read.key, read.read.level, read.read.bound, read.value_wanted};
}

}  // namespace gyre::router
