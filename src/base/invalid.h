// The refusal of what somebody asked for.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "gyre/result.h"

namespace gyre {

inline std::unexpected<Error> invalid(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message));
}

}  // namespace gyre
