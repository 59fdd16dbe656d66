// The partitions of a cluster put together by who serves them and who is in sync, so that a page shows how all are.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/request.h"
#include "ring/cluster_map.h"

namespace gyre::cli {

// Partitions with one primary in one state, one in-sync set and the same learners.
struct PartitionGroup {
  enum class State : std::uint8_t { serves, waits, silent, vacant };  // silent: its primary does not answer
  State state = State::vacant;
  std::string primary;                // empty: vacant
  std::vector<std::string> in_sync;   // the primary first, then by name
  std::vector<std::string> learners;  // by name
  std::string why;                    // waits: why the first of them does
  std::vector<std::uint32_t> partitions;  // ascending
  Term term_low, term_high;               // of all of them, both included
  std::int64_t lag_ms = -1;               // the most that a member in sync lags; -1: nobody knows
  std::optional<std::int64_t> lease_ms;   // the least that is left of a lease counted on; none: there is none
};
std::string_view to_string(PartitionGroup::State state);

// What the primary of a partition says of it.
using PrimaryAnswers = std::map<PartitionId, messages::PartitionStatus>;

// What needs attention first: what is not served, then what has fewer members in sync, then larger groups.
std::vector<PartitionGroup> group_partitions(const ring::ClusterMap& map, const PrimaryAnswers& answers);

// "partitions 0-3,7: n1 serves, term 3, in sync n1,n2,n3, lag 0 ms, lease 1.7 s left"
std::string describe(const PartitionGroup& group);

// "0-3,7"; cut off after `bytes_max` with ",..." in place of the rest.
std::string to_ranges(const std::vector<std::uint32_t>& ascending, std::size_t bytes_max);

}  // namespace gyre::cli
