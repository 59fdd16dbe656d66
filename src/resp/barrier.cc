#include "resp/barrier.h"

#include <algorithm>
#include <limits>
#include <ranges>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "redis/numbers.h"

namespace gyre::resp {

using messages::Condition;

namespace {

// One of each partition: the first of the numbers that falls into it.
std::map<PartitionId, Bytes> keys_of(const ring::ClusterMap& map, const Written& written) {
  const auto partitioning = map.partitioning();
  std::map<PartitionId, Bytes> keys;
  for (std::uint64_t number = 0; keys.size() < written.size(); ++number) {
    const std::string key = fmt::to_string(number);
    const PartitionId partition = partitioning.of(std::string_view(key));
    if (written.contains(partition)) keys.try_emplace(partition, Bytes::copy_of(key));
  }
  return keys;
}

}  // namespace

namespace {

redis::Parsed<Barrier::Wanted> parse_wanted(std::string_view count, std::string_view timeout) {
  const auto replicas = redis::parse_integer(count);
  if (!replicas) return redis::refuse(redis::words::kNoInteger);
  const auto ms = redis::parse_integer(timeout);
  if (!ms || *ms > std::numeric_limits<std::int32_t>::max()) {
    return redis::refuse("ERR timeout is not an integer or out of range");
  }
  if (*ms < 0) return redis::refuse("ERR timeout is negative");
  return Barrier::Wanted{.replicas = *replicas, .timeout = std::chrono::milliseconds(*ms)};
}

}  // namespace

redis::Parsed<Barrier::Wanted> Barrier::parse(const redis::Arguments& arguments) {
  return parse_wanted(arguments[1], arguments[2]);
}

redis::Parsed<Barrier::Wanted> Barrier::parse_synced(const redis::Arguments& arguments) {
  const auto local = redis::parse_integer(arguments[1]);
  if (!local || *local < 0 || *local > 1) return redis::refuse("ERR value is out of range, must be between 0 and 1");
  auto wanted = parse_wanted(arguments[2], arguments[3]);
  if (wanted) wanted->tells_local = true;
  return wanted;
}

Barrier::Barrier(const ring::ClusterMap& map, const Wanted& wanted, Written written) : written_(std::move(written)) {
  const std::map<PartitionId, Bytes> keys = keys_of(map, written_);
  for (const auto& [partition, term] : written_) {
    const auto members = static_cast<std::int64_t>(map.entry(partition).in_sync.size());
    const std::int64_t levels = std::min(std::max<std::int64_t>(wanted.replicas, 0), members - 1) + 1;
    for (std::int64_t level = 1; level <= levels; ++level) {
      questions_.push_back({partition, keys.at(partition), static_cast<messages::AckCount>(level)});
    }
  }
}

messages::WriteRequest Barrier::Question::write() const {
  // Nothing has this version.
  constexpr Position kNever{Term(std::numeric_limits<std::uint64_t>::max()), Sequence(0)};
  messages::WriteRequest write{.operations = {}, .ack = level};
  write.operations.push_back(
      {.kind = messages::WriteKind::del, .key = key, .condition = {Condition::Kind::version, kNever}});
  return write;
}

void Barrier::on_answer(std::size_t index, const messages::ResponseBody& body) {
  const auto* error = std::get_if<Error>(&body);
  if (error == nullptr || error->code != ErrorCode::condition_failed) return;
  std::size_t& held = held_[questions_[index].partition];
  held = std::max<std::size_t>(held, questions_[index].level);
}

std::size_t Barrier::held(const ring::ClusterMap& map, PartitionId partition, Term term) const {
  const auto found = held_.find(partition);
  return found == held_.end() || map.entry(partition).term != term ? 0 : found->second;
}

std::size_t Barrier::fewest(const ring::ClusterMap& map) const {
  std::size_t fewest = limits::kReplicationFactorMax;
  for (const auto& [partition, term] : written_) fewest = std::min(fewest, held(map, partition, term));
  return fewest;
}

std::int64_t Barrier::replicas(const ring::ClusterMap& map) const {
  return std::max<std::int64_t>(static_cast<std::int64_t>(fewest(map)) - 1, 0);
}

bool Barrier::held_by_primaries(const ring::ClusterMap& map) const { return fewest(map) >= 1; }

Written Barrier::rest(const ring::ClusterMap& map) const {
  Written rest = written_;
  std::erase_if(rest, [&](const auto& written) {
    const auto& [partition, term] = written;
    return map.entry(partition).term != term || held(map, partition, term) >= map.shape.replication_factor;
  });
  return rest;
}

std::int64_t Barrier::replicas_of_any(const ring::ClusterMap& map) {
  const auto in_sync = [](const ring::PartitionEntry& entry) { return entry.in_sync.size(); };
  const std::size_t fewest = std::ranges::min(map.entries | std::views::transform(in_sync));
  return std::max<std::int64_t>(static_cast<std::int64_t>(fewest) - 1, 0);
}

}  // namespace gyre::resp
