// Rules of the partition machine that a test may switch off, one at a time, to show that it would notice.
#pragma once

#include <cstdint>

namespace gyre::replication {

enum class BrokenRule : std::uint8_t {
  none,
  answer_once_persisted,    // broken: answers leave before their writes are persisted
  evaluate_pending,         // broken: what depends on a stored value looks past the writes that are pending
  fail_what_was_refused,    // broken: a refused commit leaves its answers to the next one
};

}  // namespace gyre::replication
