// `gyre chaos run`: one fault after the other, as a schedule says, and a healed cluster at the end.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "gyre/result.h"
#include "tools/gyre/command.h"

namespace gyre::cli {

struct ChaosRunOptions {
  std::string faults = "kill,pause";
  std::chrono::milliseconds every{10'000};
  std::chrono::milliseconds duration{300'000};
  std::uint64_t seed = 0;  // 0: a random one
  bool dry_run = false;  // only print what would be done
};

// Also when interrupted, nothing of what it did is left when it returns; then the exit code is that of an interrupt.
// ERRORS: invalid_argument, condition_failed (network faults are not allowed there), unavailable (the cluster does not
// become whole again).
Result<void> chaos_run(Context& context, const ChaosRunOptions& options);

}  // namespace gyre::cli
