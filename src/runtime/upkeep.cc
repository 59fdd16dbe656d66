#include "runtime/upkeep.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gyre::runtime {

namespace {

using namespace std::chrono_literals;

constexpr Duration kMeasureEvery = 5s;
// Files are rewritten for partitions together that are dropped one soon after the other.
constexpr Duration kQuietBeforeReclaim = 10s;
constexpr Duration kReclaimWithin = 5min;

}  // namespace

void Upkeep::on_second() {
  if (context_.machines.map() == nullptr || context_.storage_failed) return;
  move_horizons();
  sweep_some();
  measure();
  reclaim();
}

void Upkeep::move_horizons() {
  const replication::Moment now = context_.environment.now();
  const Duration lease = context_.machines.map()->shape.timing.lease;
  for (const auto& machine : context_.machines.all()) {
    if (!context_.machines.member(*machine)) continue;
    const bool mine = context_.machines.entry_of(*machine).primary == context_.options.self;
    // What a primary said last may not have reached others; by a lease later it has, or that one serves no more.
    const UnixMillis horizon =
        mine ? told_to_all(now, *machine, lease) : UnixMillis{machine->partition.served_time().value - to_ms(lease)};
    context_.engine.set_expiry_horizon(machine->partition.id(), horizon);
  }
}

// The epoch: nothing is known. A primary that serves was answered within a lease by every member it counts, in this
// office once that is as old, and all that it said by then showed the time at which it began: whoever follows it knows
// of that time, and nothing that has expired by then is visible there. Its time of this moment may be far ahead: its
// clock may just have been set.
UnixMillis Upkeep::told_to_all(const replication::Moment& now, Machine& machine, Duration lease) {
  const Duration serving_for = machine.partition.serving_for(now);
  if (serving_for == Duration(0)) {
    machine.told.reset();
    return {};
  }
  if (!machine.told) machine.told = {now.steady, machine.partition.time(now)};
  if (serving_for < lease || now.steady - machine.told->at < lease) return {};
  return std::exchange(machine.told, Machine::Told{now.steady, machine.partition.time(now)})->time;
}

// Looks through one partition after the other, a bounded piece at a time.
void Upkeep::sweep_some() {
  constexpr std::size_t kRecordsPerSweep = 2000;
  const auto machines = context_.machines.all();
  if (sweeping_ || machines.empty()) return;
  next_ %= machines.size();
  Machine& machine = *machines[next_];
  if (!context_.machines.member(machine)) {
    ++next_;
    return;
  }
  using Next = Result<std::optional<std::string>>;
  auto next = std::make_shared<Next>();
  const auto submitted = context_.environment.run_blocking(
      [engine = &context_.engine, id = machine.partition.id(), after = machine.sweep_after, next] {
        *next = engine->sweep(id, after, kRecordsPerSweep);
      },
      [this, &machine, next] {
        sweeping_ = false;
        context_.metrics.sweeps.add();
        if (!*next) context_.on_read_error(&machine, next->error());
        const bool more = *next && **next;
        machine.sweep_after = more ? ***next : std::string();
        if (!more) ++next_;
      });
  sweeping_ = submitted.has_value();
}

// How much a partition takes may be known to the disk alone.
void Upkeep::measure() {
  const Instant now = context_.environment.now().steady;
  if (measuring_ || now < measure_at_) return;
  measure_at_ = now + kMeasureEvery;
  struct Measured {
    Machine* machine;
    PartitionId partition;
    std::uint64_t bytes = 0;
  };
  auto all = std::make_shared<std::vector<Measured>>();
  for (const auto& machine : context_.machines.all()) {
    machine->load.bytes = context_.machines.member(*machine) ? machine->load.bytes : 0;
    if (context_.machines.member(*machine)) all->push_back({machine.get(), machine->partition.id()});
  }
  const auto submitted = context_.environment.run_blocking(
      [engine = &context_.engine, all] {
        for (Measured& each : *all) each.bytes = engine->size_of(each.partition).bytes;
      },
      [this, all] {
        measuring_ = false;
        for (const Measured& each : *all) each.machine->load.bytes = each.bytes;
      });
  measuring_ = submitted.has_value();
}

void Upkeep::on_dropped() {
  dropped_last_ = context_.environment.now().steady;
  if (!reclaim_due_ || dropped_first_ == Instant()) dropped_first_ = dropped_last_;
  reclaim_due_ = true;
}

void Upkeep::reclaim() {
  const Instant now = context_.environment.now().steady;
  if (reclaiming_ || !reclaim_due_) return;
  if (now - dropped_last_ < kQuietBeforeReclaim && now - dropped_first_ < kReclaimWithin) return;
  auto result = std::make_shared<Result<void>>();
  const auto submitted =
      context_.environment.run_blocking([engine = &context_.engine, result] { *result = engine->reclaim(); },
                                        [this, result] {
                                          reclaiming_ = false;
                                          if (!*result) context_.on_read_error(nullptr, result->error());
                                        });
  reclaiming_ = submitted.has_value();
  reclaim_due_ = !submitted;
}

}  // namespace gyre::runtime
