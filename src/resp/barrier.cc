#include "resp/barrier.h"

#include <algorithm>
#include <limits>
#include <ranges>
#include <utility>

#include "base/assert.h"
#include "redis/numbers.h"

namespace gyre::resp {

using messages::Condition;
using redis::Reply;

redis::Parsed<Barrier::Wanted> Barrier::parse(const redis::Arguments& arguments) {
  const auto replicas = redis::parse_integer(arguments[1]);
  if (!replicas) return redis::refuse(redis::words::kNoInteger);
  const auto ms = redis::parse_integer(arguments[2]);
  if (!ms || *ms > std::numeric_limits<std::int32_t>::max()) {
    return redis::refuse("ERR timeout is not an integer or out of range");
  }
  if (*ms < 0) return redis::refuse("ERR timeout is negative");
  return Wanted{*replicas, std::chrono::milliseconds(*ms)};
}

Barrier::Barrier(const ring::ClusterMap& map, const Wanted& wanted, WrittenKeys written)
    : levels_(static_cast<std::size_t>(
          std::clamp<std::int64_t>(wanted.replicas, 0, std::int64_t{map.shape.replication_factor} - 1) + 1)),
      held_(written.size()) {
  GYRE_ASSERT(!written.empty());
  for (auto& [partition, key] : written) keys_.push_back(std::move(key));
}

Barrier::Question Barrier::question(std::size_t index) const {
  // Nothing has this version.
  constexpr Position kNever{Term(std::numeric_limits<std::uint64_t>::max()), Sequence(0)};
  const Bytes& key = keys_[index / levels_];
  messages::WriteRequest write{.operations = {}, .ack = static_cast<messages::AckCount>(index % levels_ + 1)};
  write.operations.push_back(
      {.kind = messages::WriteKind::del, .key = key, .condition = {Condition::Kind::version, kNever}});
  return {key, std::move(write)};
}

void Barrier::on_answer(std::size_t index, const messages::ResponseBody& body) {
  const auto* error = std::get_if<Error>(&body);
  if (error == nullptr || error->code != ErrorCode::condition_failed) return;
  std::size_t& held = held_[index / levels_];
  held = std::max(held, index % levels_ + 1);
}

std::int64_t Barrier::replicas() const {
  const std::size_t members = std::ranges::min(held_);
  return members == 0 ? 0 : static_cast<std::int64_t>(members) - 1;
}

std::int64_t Barrier::replicas_of_any(const ring::ClusterMap& map) {
  const auto in_sync = [](const ring::PartitionEntry& entry) { return entry.in_sync.size(); };
  const std::size_t fewest = std::ranges::min(map.entries | std::views::transform(in_sync));
  return std::max<std::int64_t>(static_cast<std::int64_t>(fewest) - 1, 0);
}

}  // namespace gyre::resp
