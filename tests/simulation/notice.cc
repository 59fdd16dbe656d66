#include "tests/simulation/notice.h"

#include <fmt/format.h>

#include "base/assert.h"

namespace gyre::simulation {

std::string_view to_string(Notice::Kind kind) {
  switch (kind) {
    case Notice::Kind::safety: return "safety";
    case Notice::Kind::expected: return "expected";
    case Notice::Kind::progress: return "progress";
  }
  GYRE_ASSERT(false);
  return {};
}

std::string to_string(const Notice& notice) {
  return fmt::format("{} ({}): {}", to_string(notice.kind), notice.check, notice.what);
}

}  // namespace gyre::simulation
