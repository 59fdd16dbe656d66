#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace gyre {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "gyre: invariant broken: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace gyre
