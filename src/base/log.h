// The log: one structured line per event on standard error, `time level id message key=value ...`.
#pragma once

#include <string>

#include <spdlog/spdlog.h>

#include "gyre/result.h"

namespace gyre::log {

// Names the process in every line. `level`: trace, debug, info, warn, error, off. Call once, first.
// ERRORS: invalid_argument.
Result<void> init(const std::string& process_id, const std::string& level);

}  // namespace gyre::log
