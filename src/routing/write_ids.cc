#include "routing/write_ids.h"

#include "base/assert.h"

namespace gyre::routing {

messages::WriteId WriteIds::open() {
  open_.push_back(true);
  return {client_, WriteNumber(first_ + open_.size() - 1)};
}

void WriteIds::close(const messages::WriteId& id) {
  const std::uint64_t index = id.number.value() - first_;
  GYRE_ASSERT(id.client == client_ && index < open_.size() && open_[index]);
  open_[index] = false;
  while (!open_.empty() && !open_.front()) {
    open_.pop_front();
    ++first_;
  }
}

}  // namespace gyre::routing
