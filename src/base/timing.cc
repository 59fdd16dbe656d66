#include "base/timing.h"

#include <fmt/format.h>

namespace gyre {

Result<void> check(const Timing& timing) {
  constexpr Duration kHeartbeatMin = std::chrono::milliseconds(10);
  constexpr Duration kLeaseMax = std::chrono::minutes(1);
  if (timing.heartbeat < kHeartbeatMin) {
    return fail(ErrorCode::invalid_argument, fmt::format("the heartbeat interval is {} ms: choose at least {} ms",
                                                         to_ms(timing.heartbeat), to_ms(kHeartbeatMin)));
  }
  if (timing.lease > kLeaseMax) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the lease is {} ms: choose at most {} ms", to_ms(timing.lease), to_ms(kLeaseMax)));
  }
  const Duration needed = timing.detection + 2 * timing.heartbeat + kSwapBudget;
  if (timing.detection < 2 * timing.heartbeat || needed >= timing.lease_counted()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("detection of {} ms, heartbeats each {} ms and a lease of {} ms do not fit: detection must "
                            "be at least two heartbeats, and detection + 2 heartbeats + {} ms less than 0.9 of the "
                            "lease",
                            to_ms(timing.detection), to_ms(timing.heartbeat), to_ms(timing.lease), to_ms(kSwapBudget)));
  }
  return {};
}

}  // namespace gyre
