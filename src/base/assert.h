// Invariants of our own, always checked. Never used on input from outside.
#pragma once

namespace gyre {

// Prints expression and place to standard error and aborts.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace gyre

#define GYRE_ASSERT(expression) \
  (static_cast<bool>(expression) ? static_cast<void>(0) : ::gyre::assertion_failed(#expression, __FILE__, __LINE__))
