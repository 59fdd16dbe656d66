#include "tools/gyre/hot_view.h"

#include <algorithm>
#include <map>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/gyre/encoding.h"

namespace gyre::cli {
namespace {

using messages::HotKey;

constexpr double kPerSecondMin = 0.5;  // of a key: anything less is shown as 0, and is not hot
constexpr std::size_t kKeyWidthMax = 60;  // of a key in the table; --json has it whole

std::string primary_of(const ring::ClusterMap& map, PartitionId partition) {
  if (partition.value() >= map.entries.size()) return "-";
  const NodeId& primary = map.entry(partition).primary;
  return primary.empty() ? "-" : primary.str();
}

template <class T>
std::span<const T> first(const std::vector<T>& list, std::size_t count) {
  return std::span(list).first(std::min(list.size(), count));
}

// Of `whole`, in percent.
std::string share_text(double part, double whole) {
  return whole > 0 ? fmt::format("{:.1f}%", 100 * part / whole) : "-";
}

std::string key_text(std::string_view key) {
  std::string text = printable(key);
  if (text.size() > kKeyWidthMax) text = text.substr(0, kKeyWidthMax - 3) + "...";
  return text;
}

std::string whole_number(double number) { return with_commas(static_cast<std::uint64_t>(number + 0.5)); }

}  // namespace

HotView merge_hot(const std::vector<messages::HotResponse>& answers) {
  std::map<PartitionId, HotPartition> partitions;
  std::map<std::pair<PartitionId, Bytes>, HotKey> keys;
  HotView view;
  for (const auto& answer : answers) {
    for (const auto& item : answer.partitions) {
      HotPartition& hot = partitions[item.partition];
      hot.partition = item.partition;
      hot.reads_per_second += item.reads_per_second;
      hot.writes_per_second += item.writes_per_second;
      hot.bytes = std::max(hot.bytes, item.bytes);
    }
    for (const auto& key : answer.keys) {
      const auto [at, is_new] = keys.try_emplace({key.partition, key.key}, key);
      if (is_new) continue;
      at->second.per_second += key.per_second;
      at->second.error += key.error;
    }
  }
  for (const auto& [id, hot] : partitions) {
    view.partitions.push_back(hot);
    view.operations_per_second += hot.operations_per_second();
  }
  for (auto& [place, key] : keys) {
    if (key.per_second >= kPerSecondMin) view.keys.push_back(std::move(key));
  }
  std::ranges::stable_sort(view.partitions, std::greater<>(), &HotPartition::operations_per_second);
  std::ranges::stable_sort(view.keys, std::greater<>(), &HotKey::per_second);
  return view;
}

std::string hot_text(const HotView& view, const ring::ClusterMap& map, const HotLimits& limits) {
  std::string text;
  if (view.partitions.empty()) {
    text += "No partition was asked for anything lately.\n";
  } else {
    text += fmt::format("{:<9}  {:<8}  {:>10}  {:>10}  {:>7}  {:>10}\n", "PARTITION", "PRIMARY", "READS/S", "WRITES/S",
                        "OF ALL", "BYTES");
  }
  for (const HotPartition& hot : first(view.partitions, limits.partitions)) {
    text += fmt::format("{:<9}  {:<8}  {:>10}  {:>10}  {:>7}  {:>10}\n", hot.partition.value(),
                        primary_of(map, hot.partition), whole_number(hot.reads_per_second),
                        whole_number(hot.writes_per_second),
                        share_text(hot.operations_per_second(), view.operations_per_second), bytes_text(hot.bytes));
  }
  if (view.keys.empty() && !view.partitions.empty() && limits.keys > 0) {
    text += "\nNo key was asked for often lately.\n";
  }
  if (!view.keys.empty()) {
    text += fmt::format("\n{:>10}  {:>10}  {:>7}  {:<9}  {}\n", "OPS/S", "AT LEAST", "OF ALL", "PARTITION", "KEY");
  }
  for (const HotKey& key : first(view.keys, limits.keys)) {
    text +=
        fmt::format("{:>10}  {:>10}  {:>7}  {:<9}  {}\n", whole_number(key.per_second),
                    whole_number(std::max(0.0, key.per_second - key.error)),
                    share_text(key.per_second, view.operations_per_second), key.partition.value(), key_text(key.key));
  }
  if (!view.silent.empty()) {
    std::vector<std::string> names;
    for (const NodeId& node : view.silent) names.push_back(node.str());
    text += fmt::format("\nNo answer from {}: what only they know is missing here.\n", fmt::join(names, ", "));
  }
  return text;
}

Json hot_json(const HotView& view, const ring::ClusterMap& map, const HotLimits& limits) {
  Json partitions = Json::array();
  for (const HotPartition& hot : first(view.partitions, limits.partitions)) {
    const std::string primary = primary_of(map, hot.partition);
    partitions.push_back({{"partition", hot.partition.value()},
                          {"primary", primary == "-" ? Json(nullptr) : Json(primary)},
                          {"reads_per_second", hot.reads_per_second},
                          {"writes_per_second", hot.writes_per_second},
                          {"bytes", hot.bytes}});
  }
  Json keys = Json::array();
  for (const HotKey& key : first(view.keys, limits.keys)) {
    Json entry;
    set_bytes(entry, "key", key.key);
    entry["partition"] = key.partition.value();
    entry["per_second"] = key.per_second;
    entry["error"] = key.error;
    keys.push_back(std::move(entry));
  }
  Json silent = Json::array();
  for (const NodeId& node : view.silent) silent.push_back(node.str());
  return {{"operations_per_second", view.operations_per_second},
          {"partitions", std::move(partitions)},
          {"keys", std::move(keys)},
          {"silent_nodes", std::move(silent)}};
}

}  // namespace gyre::cli
