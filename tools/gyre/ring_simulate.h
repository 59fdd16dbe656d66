// What `gyre ring simulate` computes: balance and movement of Gyre's placement and of three others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gyre/result.h"
#include "tools/gyre/render.h"
#include "tools/gyre/ring_schemes.h"

namespace gyre::cli {

struct RingSimulateOptions {
  std::int64_t nodes = 10;
  std::int64_t partitions = limits::kPartitionsDefault;
  std::int64_t replication_factor = 3;
  std::int64_t join = 0;
  std::int64_t leave = 0;
  std::vector<double> weights;     // of the nodes there before, or also of those that join; empty: all 1
  std::vector<std::string> zones;  // of the nodes in turn, over and over; empty: none
  std::int64_t keys = 100'000;
  std::uint64_t seed = 1;  // picks the keys and who leaves
};

// Loads are those after the change, each relative to the node's share: its part by weight and, for a scheme that heeds
// zones, by what zones force.
struct SchemeFigures {
  std::string name;
  double replicas_max_over_mean = 0;
  double primaries_max_over_mean = 0;
  double keys_max_over_mean = 0;         // of the copies of keys
  std::uint64_t moved_replicas = 0;
  std::uint64_t minimum_moves = 0;       // what those that leave held, or what those that join must get
  double keys_moved_fraction = 0;        // of the copies of keys
  std::uint64_t distinct_replica_sets = 0;
  double zones_reached_fraction = 0;     // of the partitions: in as many zones as possible
};

// ERRORS: invalid_argument.
Result<RingChange> ring_change(const RingSimulateOptions& options);

// gyre, vnode_ring, jump, rendezvous. REQUIRES: `change` was made from `options`.
std::vector<SchemeFigures> simulate_ring(const RingSimulateOptions& options, const RingChange& change);

// {"gyre": {...}, "vnode_ring": {...}, ...}; moved_over_minimum is null where nothing had to move.
Json ring_json(const std::vector<SchemeFigures>& schemes);
std::string ring_text(const RingSimulateOptions& options, const std::vector<SchemeFigures>& schemes);

}  // namespace gyre::cli
