#include "control/memory_store.h"

#include "base/assert.h"

namespace gyre::control {

Result<std::optional<ClusterState>> MemoryStore::load() {
  if (load_fails_) return fail(ErrorCode::storage_failed, "the memory store was told to fail");
  return stored_;
}

Result<void> MemoryStore::swap(Epoch expected, const ClusterState& state) {
  GYRE_ASSERT(state.map.epoch > expected);
  GYRE_TRY(check_swap(stored_ ? &*stored_ : nullptr, expected, state));
  const auto failed = fail(ErrorCode::storage_failed, "the memory store was told to fail", Outcome::unknown);
  if (swap_fault_ == SwapFault::not_stored) return failed;
  stored_ = state;
  if (swap_fault_ == SwapFault::stored) return failed;
  return {};
}

}  // namespace gyre::control
