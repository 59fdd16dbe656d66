#include "runtime/host_context.h"

#include <utility>

namespace gyre::runtime {

void HostContext::on_read_error(Machine* owner, const Error& error) {
  if (error.code == ErrorCode::storage_failed) return fail_storage(error);
  if (error.code == ErrorCode::corrupt && owner != nullptr) {
    owner->partition.on_damaged(environment.now(), error);
    machines.touch(*owner);
  }
  if (error.code != ErrorCode::busy && error.code != ErrorCode::timeout) metrics.storage_errors.add();
}

void HostContext::fail_storage(const Error& error) {
  metrics.storage_errors.add();
  if (std::exchange(storage_failed, true)) return;
  environment.trace(PartitionId(static_cast<std::uint16_t>(options.shard)),
                    {Term(), false, "storage failed, this loop serves no more: " + error.message});
  environment.tell_coordinator(
      messages::NodeEvent{messages::NodeEvent::Kind::storage_failed, {}, {}, 0, error.message});
  const replication::Moment now = environment.now();
  for (const auto& machine : machines.all()) {
    machine->partition.on_storage_failed(now, error);
    machines.touch(*machine);
  }
}

}  // namespace gyre::runtime
