// What `load` and `dump` share.
#pragma once

#include <chrono>

#include "gyre/error.h"

namespace gyre::cli {

// How long a transfer keeps trying while nothing at all succeeds: longer than a failover takes.
inline constexpr std::chrono::milliseconds kTransferPatience{30'000};

// The same call may well succeed a moment later.
inline bool passing(ErrorCode code) {
  switch (code) {
    case ErrorCode::busy:
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
    case ErrorCode::outcome_unknown:
    case ErrorCode::not_primary:
    case ErrorCode::stale_map:
    case ErrorCode::stale_term: return true;
    default: return false;
  }
}

}  // namespace gyre::cli
