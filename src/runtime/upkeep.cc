#include "runtime/upkeep.h"

#include <memory>
#include <optional>
#include <string>

namespace gyre::runtime {

void Upkeep::on_second() {
  if (context_.machines.map() == nullptr || context_.storage_failed) return;
  move_horizons();
  sweep_some();
}

// The horizon lags by a lease: a primary that serves has been heard within one by every member it counts, so whoever
// follows it knows of that time, and nothing is removed here that could still be visible there.
void Upkeep::move_horizons() {
  const replication::Moment now = context_.environment.now();
  const std::int64_t lag_ms = to_ms(context_.machines.map()->shape.timing.lease);
  for (const auto& machine : context_.machines.all()) {
    if (!context_.machines.member(*machine)) continue;
    const bool mine = context_.machines.entry_of(*machine).primary == context_.options.self;
    if (mine && !machine->partition.serving(now)) continue;
    const UnixMillis time = machine->partition.time(now);
    context_.engine.set_expiry_horizon(machine->partition.id(), {time.value - lag_ms});
  }
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

}  // namespace gyre::runtime
