// `gyre cluster verify`: compares what the members of every partition hold.
#pragma once

#include "gyre/result.h"
#include "tools/gyre/command.h"

namespace gyre::cli {

// Compares all in-sync members at equal positions; asks again while writes are on their way.
// ERRORS: corrupt (members differ), unavailable (nothing answers, or members never stood at one position).
Result<void> cluster_verify(const Context& context);

}  // namespace gyre::cli
