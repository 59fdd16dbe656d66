#include "messages/operation.h"

namespace gyre::messages {

std::size_t LoggedWrite::bytes() const {
  std::size_t bytes = sizeof(LoggedWrite) + outcomes.size() * sizeof(WriteOutcome);
  for (const Mutation& mutation : mutations) {
    bytes += sizeof(Mutation) + mutation.key.size() + mutation.record.value.size();
  }
  return bytes;
}

WindowWrite window_write(const LoggedWrite& write) {
  return {.id = write.id,
          .lowest_open = write.lowest_open,
          .position = write.position,
          .time = write.time,
          .fingerprint = write.fingerprint,
          .may_repeat = write.may_repeat,
          .outcomes = write.outcomes};
}

WindowWrite closed_retry(const WindowWrite& write) {
  return {.id = write.id, .position = write.position, .time = write.time, .may_repeat = true, .closed = true};
}

}  // namespace gyre::messages
