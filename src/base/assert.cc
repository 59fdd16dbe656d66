#include "base/assert.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "base/assertion_handler.h"

namespace gyre {

namespace {

std::atomic<AssertionHandler> assertion_handler = nullptr;

}  // namespace

void set_assertion_handler(AssertionHandler handler) { assertion_handler = handler; }

void assertion_failed(const char* expression, const char* file, int line) {
  if (const AssertionHandler handler = assertion_handler) handler(expression, file, line);
  std::fprintf(stderr, "gyre: invariant broken: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace gyre
