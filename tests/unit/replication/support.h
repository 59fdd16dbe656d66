// What tests of one part of a member share; those of whole members have cluster.h.
#pragma once

#include <chrono>

#include "base/ids.h"
#include "base/time.h"

namespace gyre::replication {

inline constexpr Instant kStart(std::chrono::seconds(1000));
inline const NodeId kPrimary("p");

}  // namespace gyre::replication
