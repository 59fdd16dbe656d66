#include "runtime/load_meter.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace gyre::runtime {

namespace {

std::uint32_t rounded(double rate) { return static_cast<std::uint32_t>(std::lround(rate)); }

messages::LoadReport::Item item_of(const Machine& machine) {
  const PartitionLoad& load = machine.load;
  return {machine.partition.id(), rounded(load.read_rate), rounded(load.write_rate), load.bytes};
}

messages::LoadReport::Item idle_item(const Machine& machine) { return {machine.partition.id(), 0, 0, 0}; }

std::uint64_t operations(const messages::LoadReport::Item& item) {
  return std::uint64_t{item.reads_per_second} + item.writes_per_second;
}

}  // namespace

void LoadMeter::on_second(Instant now, std::span<const std::unique_ptr<Machine>> machines, bool at_rest) {
  const Instant began = std::exchange(second_began_, now);
  const double elapsed = began == Instant() ? 1 : std::max(to_seconds(now - began), 1e-3);
  const double share = 1 - std::exp(-elapsed / to_seconds(kRateLife));
  for (const auto& machine : machines) {
    PartitionLoad& load = machine->load;
    load.read_rate += (std::exchange(load.reads, 0) / elapsed - load.read_rate) * share;
    load.write_rate += (std::exchange(load.writes, 0) / elapsed - load.write_rate) * share;
  }
  every_ = static_cast<double>(std::exchange(seen_, 0)) > kSampledFrom * elapsed ? kSampleEvery : 1;
  latencies_.end_second(at_rest);
  decay_keys(now);
}

void LoadMeter::decay_keys(Instant now) {
  if (decayed_at_ == Instant()) decayed_at_ = now;
  if (now - decayed_at_ < kRateLife) return;
  keys_.decay();
  keys_seconds_ = (keys_seconds_ + to_seconds(now - decayed_at_)) / 2;
  decayed_at_ = now;
}

messages::LoadReport LoadMeter::report(const Machines& machines) const {
  messages::LoadReport report;
  for (const auto& machine : machines.all()) {
    messages::LoadReport::Item item = machines.member(*machine) ? item_of(*machine) : idle_item(*machine);
    // Not measured yet, or no member's copy any more: there all the same.
    if (machine->partition.state().position != Position()) item.bytes = std::max<std::uint64_t>(item.bytes, 1);
    if (operations(item) > 0 || item.bytes > 0) report.items.push_back(item);
  }
  const auto micros = [](Duration d) {
    return static_cast<std::uint32_t>(std::min<std::int64_t>(d / std::chrono::microseconds(1), UINT32_MAX));
  };
  report.p99_us = micros(latencies_.p99());
  report.rest_p99_us = micros(latencies_.rest_p99());
  return report;
}

messages::HotResponse LoadMeter::hot(Instant now, const Machines& machines, std::size_t keys_max) const {
  messages::HotResponse hot;
  if (machines.map() == nullptr) return hot;
  const auto partitioning = machines.map()->partitioning();
  const double since_decay = decayed_at_ == Instant() ? 0 : to_seconds(now - decayed_at_);
  const double span = std::max(keys_seconds_ + since_decay, 1.0);
  for (const HotKeys::Key& key : keys_.top(std::min(keys_max, limits::kHotKeysPageMax))) {
    hot.keys.push_back({.key = Bytes::copy_of(key.key),
                        .partition = partitioning.of(key.key),
                        .per_second = key.count / span,
                        .error = key.error / span});
  }
  for (const auto& machine : machines.all()) {
    const messages::LoadReport::Item item = item_of(*machine);
    if (machines.member(*machine) && operations(item) > 0) hot.partitions.push_back(item);
  }
  std::ranges::stable_sort(hot.partitions, std::ranges::greater(), operations);
  return hot;
}

}  // namespace gyre::runtime
