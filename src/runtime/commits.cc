#include "runtime/commits.h"

#include <memory>
#include <utility>

#include "base/assert.h"

namespace gyre::runtime {

void Commits::commit(std::span<Machine* const> machines) {
  std::vector<storage::PartitionBatch> batches;
  std::vector<Handed> handed;
  for (Machine* machine : machines) {
    if (machine->refused) continue;
    auto persist = machine->partition.take_persist();
    if (!persist) continue;
    batches.push_back({.partition = machine->partition.id(),
                       .drop_first = persist->drop_first,
                       .writes = persist->writes,
                       .repairs = persist->repairs,
                       .window = std::move(persist->window),
                       .state = std::move(persist->state)});
    handed.push_back({machine, persist->id, persist->synced});
  }
  if (batches.empty()) return;
  const auto committed = context_.engine.commit(batches);
  if (committed) {
    context_.records.on_committed(batches);
    return on_committed(std::move(handed));
  }
  if (committed.error().code != ErrorCode::busy) return context_.fail_storage(committed.error());
  const replication::Moment now = context_.environment.now();
  for (const Handed& each : handed) {
    each.machine->partition.on_refused(now, committed.error());
    each.machine->refused = true;
    refused_.push_back(each.machine);
    context_.machines.touch(*each.machine);
  }
}

void Commits::on_committed(std::vector<Handed> handed) {
  context_.metrics.commits.add();
  sync_due_ = true;
  const replication::Moment now = context_.environment.now();
  std::vector<Handed> done;
  for (Handed& each : handed) {
    // A report covers all that the machine handed over before: it must not overtake one that waits.
    each.synced |= context_.options.durability == Durability::always || each.machine->syncs_open > 0;
    if (!each.synced) {
      done.push_back(each);
      continue;
    }
    ++each.machine->syncs_open;
    each.machine->partition.on_committed(now, each.id);
    context_.machines.touch(*each.machine);
    unsynced_.push_back(each);
  }
  report(done);
}

// The answers that this releases leave by the clock read here: the right to serve may have gone meanwhile.
void Commits::report(const std::vector<Handed>& handed) {
  const replication::Moment now = context_.environment.now();
  for (const Handed& each : handed) {
    if (each.synced) --each.machine->syncs_open;
    each.machine->partition.on_persisted(now, each.id);
    context_.machines.touch(*each.machine);
  }
}

void Commits::end_turn() {
  if (!unsynced_.empty()) start_sync();
}

void Commits::on_second() {
  if (context_.options.durability == Durability::everysec && sync_due_) start_sync();
}

void Commits::retry_refused() {
  for (Machine* machine : std::exchange(refused_, {})) {
    machine->refused = false;
    context_.machines.touch(*machine);
  }
}

void Commits::start_sync() {
  if (syncing_) return;
  auto result = std::make_shared<Result<void>>();
  auto waiting = std::make_shared<std::vector<Handed>>(std::exchange(unsynced_, {}));
  syncing_ = true;
  sync_due_ = false;
  const auto submitted =
      context_.environment.run_blocking([engine = &context_.engine, result] { *result = engine->sync(); },
                                        [this, result, waiting] {
                                          syncing_ = false;
                                          context_.metrics.syncs.add();
                                          if (!*result) return context_.fail_storage(result->error());
                                          report(*waiting);
                                        });
  if (submitted) return;
  // The pool is full: a later turn tries again.
  syncing_ = false;
  sync_due_ = true;
  unsynced_ = std::move(*waiting);
}

}  // namespace gyre::runtime
