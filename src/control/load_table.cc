#include "control/load_table.h"

#include <algorithm>

namespace gyre::control {

namespace {

// A rate is carried on so far, so that it is steady to look at.
constexpr Duration kSmoothedOver = std::chrono::seconds(5);

}  // namespace

void LoadTable::on_report(Instant now, const NodeId& node, std::size_t partitions, messages::LoadReport report) {
  const auto beyond = [&](const auto& item) { return item.partition.value() >= partitions; };
  std::erase_if(report.items, beyond);
  std::erase_if(report.transfers, beyond);
  std::ranges::sort(report.items, {}, &messages::LoadReport::Item::partition);
  const auto [found, added] = nodes_.try_emplace(node);
  Node& known = found->second;
  known.bytes_per_second = added ? 0 : rate(known, now, report);
  known.at = now;
  known.bytes.clear();
  for (const messages::LoadReport::Item& item : report.items) known.bytes[item.partition] = item.bytes;
  known.report = std::move(report);
}

// Of what it sent since the report before, smoothed.
double LoadTable::rate(const Node& before, Instant now, const messages::LoadReport& report) {
  const Duration passed = now - before.at;
  if (passed <= Duration(0)) return before.bytes_per_second;
  std::uint64_t sent = 0;
  for (const Transfer& transfer : report.transfers) {
    const auto earlier = std::ranges::find_if(before.report.transfers, [&](const Transfer& other) {
      return other.partition == transfer.partition && other.to == transfer.to;
    });
    const bool goes_on = earlier != before.report.transfers.end() && earlier->bytes_sent <= transfer.bytes_sent;
    sent += transfer.bytes_sent - (goes_on ? earlier->bytes_sent : 0);
  }
  const double kept = 1 - std::min(1.0, to_seconds(passed) / to_seconds(kSmoothedOver));
  return kept * before.bytes_per_second + (1 - kept) * static_cast<double>(sent) / to_seconds(passed);
}

void LoadTable::forget(const NodeId& node) { nodes_.erase(node); }

const LoadTable::Node* LoadTable::fresh(const NodeId& node, Instant now) const {
  const auto found = nodes_.find(node);
  return found != nodes_.end() && now - found->second.at <= kLoadLife ? &found->second : nullptr;
}

std::optional<bool> LoadTable::holds_copies(const NodeId& node, Instant since) const {
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || found->second.at < since) return std::nullopt;
  return std::ranges::any_of(found->second.bytes, [](const auto& of) { return of.second > 0; });
}

std::uint64_t LoadTable::bytes_of(const ring::ClusterMap& map, PartitionId partition) const {
  const ring::PartitionEntry& entry = map.entry(partition);
  std::uint64_t largest = 0;
  for (const NodeId& node : entry.members()) {
    const auto found = nodes_.find(node);
    if (found == nodes_.end()) continue;
    const auto bytes = found->second.bytes.find(partition);
    if (bytes == found->second.bytes.end()) continue;
    if (node == entry.primary) return bytes->second;
    largest = std::max(largest, bytes->second);
  }
  return largest;
}

std::vector<ring::PartitionLoad> LoadTable::loads(const ring::ClusterMap& map, Instant now) const {
  std::vector<ring::PartitionLoad> loads(map.entries.size());
  for (std::size_t i = 0; i < loads.size(); ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    loads[i].bytes = bytes_of(map, partition);
  }
  for (const ring::NodeInfo& info : map.nodes) {
    const Node* node = fresh(info.id, now);
    if (node == nullptr) continue;
    for (const messages::LoadReport::Item& item : node->report.items) {
      if (item.partition.value() >= loads.size() || map.entry(item.partition).primary != info.id) continue;
      loads[item.partition.value()].reads_per_second = item.reads_per_second;
      loads[item.partition.value()].writes_per_second = item.writes_per_second;
    }
  }
  return loads;
}

const LoadTable::Transfer* LoadTable::transfer(const ring::ClusterMap& map, PartitionId partition, const NodeId& to,
                                               Instant now) const {
  const Node* node = fresh(map.entry(partition).primary, now);
  if (node == nullptr) return nullptr;
  const auto found = std::ranges::find_if(node->report.transfers, [&](const Transfer& transfer) {
    return transfer.partition == partition && transfer.to == to;
  });
  return found == node->report.transfers.end() ? nullptr : &*found;
}

std::vector<messages::NodeLoadStatus> LoadTable::status(const ring::ClusterMap& map, Instant now) const {
  std::vector<messages::NodeLoadStatus> all;
  for (const ring::NodeInfo& info : map.nodes) {
    messages::NodeLoadStatus& status = all.emplace_back();
    status.node = info.id;
    if (const auto known = nodes_.find(info.id); known != nodes_.end()) {
      for (const auto& [partition, bytes] : known->second.bytes) status.bytes += bytes;
    }
    const Node* node = fresh(info.id, now);
    if (node == nullptr) continue;
    for (const messages::LoadReport::Item& item : node->report.items) {
      status.reads_per_second += item.reads_per_second;
      status.writes_per_second += item.writes_per_second;
    }
    status.p99_us = node->report.p99_us;
    status.rest_p99_us = node->report.rest_p99_us;
    status.faults = node->report.faults;
  }
  return all;
}

double LoadTable::bytes_per_second(Instant now) const {
  double sum = 0;
  for (const auto& [id, node] : nodes_) sum += now - node.at <= kLoadLife ? node.bytes_per_second : 0;
  return sum;
}

double LoadTable::bytes_per_second_of_one(Instant now) const {
  double most = 0;
  for (const auto& [id, node] : nodes_) most = std::max(most, now - node.at <= kLoadLife ? node.bytes_per_second : 0.0);
  return most;
}

}  // namespace gyre::control
