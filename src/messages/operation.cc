#include "messages/operation.h"

namespace gyre::messages {

std::size_t LoggedWrite::bytes() const {
  std::size_t bytes = sizeof(LoggedWrite) + outcomes.size() * sizeof(WriteOutcome);
  for (const Mutation& mutation : mutations) {
    bytes += sizeof(Mutation) + mutation.key.size() + mutation.record.value.size();
  }
  return bytes;
}

}  // namespace gyre::messages
