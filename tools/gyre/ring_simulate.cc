#include "tools/gyre/ring_simulate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "base/rng.h"
#include "ring/shares.h"

namespace gyre::cli {

namespace {

constexpr std::int64_t kKeysMax = 10'000'000;

Result<void> check_option(const char* option, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("{} is {}: give {} to {}", option, value, low, high));
}

Result<void> check(const RingSimulateOptions& options) {
  GYRE_TRY(check_option("--nodes", options.nodes, 1, limits::kNodesMax));
  GYRE_TRY(check_option("--rf", options.replication_factor, 1, limits::kReplicationFactorMax));
  GYRE_TRY(check_option("--join", options.join, 0, limits::kNodesMax - options.nodes));
  GYRE_TRY(check_option("--keys", options.keys, 1, kKeysMax));
  if (options.partitions < 1 || options.partitions > limits::kSlots ||
      !ring::Partitioning::valid(static_cast<std::uint32_t>(options.partitions))) {
    return fail(ErrorCode::invalid_argument, fmt::format("--partitions is {}: give a power of two from 1 to {}",
                                                         options.partitions, limits::kSlots));
  }
  if (options.leave < 0 || options.leave >= options.nodes) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--leave is {}: of {} nodes 0 to {} can leave, so that one stays", options.leave,
                            options.nodes, options.nodes - 1));
  }
  const auto weights = static_cast<std::int64_t>(options.weights.size());
  if (weights != 0 && weights != options.nodes && weights != options.nodes + options.join) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--weights has {} numbers: give one for each of the {} nodes{}", weights, options.nodes,
                            options.join > 0 ? ", or also for those that join" : ""));
  }
  for (const double weight : options.weights) {
    if (weight > 0 && weight <= limits::kWeightMax) continue;
    return fail(ErrorCode::invalid_argument,
                fmt::format("--weights has {}: weights are above 0 and at most {}", weight, limits::kWeightMax));
  }
  return {};
}

// The nodes that hold each of many things, `copies` numbers for each.
struct Spread {
  std::size_t copies = 0;
  std::vector<std::uint32_t> holders;

  template <class Things>
  Spread(const Scheme& scheme, const Things& things) {
    for (const auto& thing : things) {
      const Holders found = scheme.holders_of(thing);
      copies = found.size();
      holders.insert(holders.end(), found.begin(), found.end());
    }
  }

  std::size_t things() const { return holders.size() / copies; }
  Holders of(std::size_t thing) const {
    const auto first = holders.begin() + static_cast<std::ptrdiff_t>(thing * copies);
    return {first, first + static_cast<std::ptrdiff_t>(copies)};
  }
};

// Copies that are now where there was none.
std::uint64_t moved(const Spread& before, const Spread& after) {
  std::uint64_t moved = 0;
  for (std::size_t thing = 0; thing < after.things(); ++thing) {
    const Holders old = before.of(thing);
    for (const std::uint32_t node : after.of(thing)) moved += std::ranges::find(old, node) == old.end();
  }
  return moved;
}

// What each node should hold of everything, as a part of the whole (0 for a node that is not there).
struct Shares {
  std::vector<double> replicas;
  std::vector<double> primaries;

  Shares(const RingChange& change, bool zones_heeded) : replicas(change.nodes.size()), primaries(replicas) {
    ring::ShareInput input;
    input.partitions = 1;
    input.copies =
        std::min<std::uint32_t>(change.shape.replication_factor, static_cast<std::uint32_t>(change.after.size()));
    std::map<std::string, std::uint32_t> named;
    for (const std::uint32_t number : change.after) {
      const ring::PlacementMember& node = change.nodes[number];
      input.weights.push_back(node.weight);
      const bool alone = node.zone.empty() || !zones_heeded || named.try_emplace(node.zone, input.zones).second;
      input.zone.push_back(alone ? input.zones++ : named.at(node.zone));
    }
    const auto replica_parts = ring::replica_shares(input);
    const auto primary_parts = ring::primary_shares(input);
    for (std::size_t i = 0; i < change.after.size(); ++i) {
      replicas[change.after[i]] = replica_parts[i];
      primaries[change.after[i]] = primary_parts[i];
    }
  }
};

// The highest load relative to the share. `stride`: 1 counts all holders, Spread::copies the primaries.
double max_over_mean(const Spread& spread, std::size_t stride, const std::vector<double>& shares) {
  std::vector<double> loads(shares.size());
  for (std::size_t i = 0; i < spread.holders.size(); i += stride) loads[spread.holders[i]] += 1;
  double highest = 0;
  for (std::size_t node = 0; node < shares.size(); ++node) {
    if (loads[node] == 0) continue;
    highest = std::max(highest, loads[node] / (shares[node] * static_cast<double>(spread.things())));
  }
  return highest;
}

// A number for each node: of its zone where every partition has exactly one copy in each zone, so that no copy can go
// from one to another; else the same for all.
std::vector<std::uint32_t> closed_groups(const RingChange& change, bool zones_heeded) {
  std::map<std::string, std::uint32_t> zones;
  for (const std::uint32_t node : change.after) zones.try_emplace(change.nodes[node].zone, zones.size());
  const bool closed = zones_heeded && !zones.contains("") && zones.size() == change.shape.replication_factor;
  std::vector<std::uint32_t> groups(change.nodes.size());
  if (!closed) return groups;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = zones.try_emplace(change.nodes[i].zone, zones.size()).first->second;
  }
  return groups;
}

// The fewest new copies with which the change can be made: those that leave took copies with them, and those that join
// have a share coming (rounded down).
std::uint64_t minimum_moves(const RingChange& change, const Spread& before, const Spread& after, const Shares& shares,
                            const std::vector<std::uint32_t>& groups) {
  const auto is_in = [](const std::vector<std::uint32_t>& nodes, std::uint32_t node) {
    return std::ranges::find(nodes, node) != nodes.end();
  };
  std::map<std::uint32_t, std::int64_t> missing;  // by group
  for (const std::uint32_t node : after.holders) ++missing[groups[node]];
  for (const std::uint32_t node : before.holders) missing[groups[node]] -= is_in(change.after, node);
  std::map<std::uint32_t, std::int64_t> due;
  for (const std::uint32_t node : change.after) {
    if (is_in(change.before, node)) continue;
    due[groups[node]] += static_cast<std::int64_t>(std::floor(shares.replicas[node] * change.shape.partitions + 1e-9));
  }
  std::int64_t moves = 0;
  for (const auto& [group, copies] : missing) moves += std::max({std::int64_t{0}, copies, due[group]});
  return static_cast<std::uint64_t>(moves);
}

std::uint64_t distinct_sets(const Spread& spread) {
  std::set<Holders> sets;
  for (std::size_t thing = 0; thing < spread.things(); ++thing) {
    Holders holders = spread.of(thing);
    std::ranges::sort(holders);
    sets.insert(std::move(holders));
  }
  return sets.size();
}

double zones_reached(const RingChange& change, const Spread& spread) {
  const auto zones_of = [&](const std::vector<std::uint32_t>& nodes) {
    std::set<std::string> zones;
    for (const std::uint32_t node : nodes) {
      const std::string& zone = change.nodes[node].zone;
      zones.insert(zone.empty() ? "/" + change.nodes[node].id.str() : zone);  // without a zone: one of its own
    }
    return zones.size();
  };
  const std::size_t possible = std::min(spread.copies, zones_of(change.after));
  std::size_t reached = 0;
  for (std::size_t thing = 0; thing < spread.things(); ++thing) reached += zones_of(spread.of(thing)) == possible;
  return static_cast<double>(reached) / static_cast<double>(spread.things());
}

std::vector<std::string> random_keys(std::int64_t count, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<std::string> keys;
  for (std::int64_t i = 0; i < count; ++i) keys.push_back(fmt::format("{:016x}", rng.next()));
  return keys;
}

}  // namespace

Result<RingChange> ring_change(const RingSimulateOptions& options) {
  GYRE_TRY(check(options));
  RingChange change;
  change.shape.partitions = static_cast<std::uint32_t>(options.partitions);
  change.shape.replication_factor = static_cast<std::uint32_t>(options.replication_factor);
  const auto total = static_cast<std::uint32_t>(options.nodes + options.join);
  for (std::uint32_t i = 0; i < total; ++i) {
    ring::PlacementMember node{NodeId(fmt::format("n{}", i + 1)), "", 1.0};
    if (!options.zones.empty()) node.zone = options.zones[i % options.zones.size()];
    if (i < options.weights.size()) node.weight = options.weights[i];
    change.nodes.push_back(std::move(node));
  }
  change.before.resize(static_cast<std::size_t>(options.nodes));
  std::iota(change.before.begin(), change.before.end(), 0);
  change.after.resize(total);
  std::iota(change.after.begin(), change.after.end(), 0);
  Rng rng(options.seed);
  for (std::int64_t i = 0; i < options.leave; ++i) {
    // Those that join stand behind the others and are not drawn.
    const auto drawn = rng.below(static_cast<std::uint64_t>(options.nodes - i));
    change.after.erase(change.after.begin() + static_cast<std::ptrdiff_t>(drawn));
  }
  return change;
}

std::vector<SchemeFigures> simulate_ring(const RingSimulateOptions& options, const RingChange& change) {
  std::vector<PartitionId> partitions;
  for (std::uint32_t i = 0; i < change.shape.partitions; ++i) {
    partitions.emplace_back(static_cast<std::uint16_t>(i));
  }
  const auto keys = random_keys(options.keys, options.seed);
  const auto figures_of = [&](std::string name, bool zones_heeded, const SchemePair& pair) {
    const Spread before(*pair.before, partitions);
    const Spread after(*pair.after, partitions);
    const Spread keys_before(*pair.before, keys);
    const Spread keys_after(*pair.after, keys);
    const Shares shares(change, zones_heeded);
    SchemeFigures figures;
    figures.name = std::move(name);
    figures.replicas_max_over_mean = max_over_mean(after, 1, shares.replicas);
    figures.primaries_max_over_mean = max_over_mean(after, after.copies, shares.primaries);
    figures.keys_max_over_mean = max_over_mean(keys_after, 1, shares.replicas);
    figures.moved_replicas = moved(before, after);
    figures.minimum_moves = minimum_moves(change, before, after, shares, closed_groups(change, zones_heeded));
    figures.keys_moved_fraction =
        static_cast<double>(moved(keys_before, keys_after)) / static_cast<double>(keys_after.holders.size());
    figures.distinct_replica_sets = distinct_sets(after);
    figures.zones_reached_fraction = zones_reached(change, after);
    return figures;
  };
  return {figures_of("gyre", true, make_gyre(change)), figures_of("vnode_ring", false, make_vnode_ring(change)),
          figures_of("jump", false, make_jump(change)), figures_of("rendezvous", false, make_rendezvous(change))};
}

Json ring_json(const std::vector<SchemeFigures>& schemes) {
  Json json;
  for (const SchemeFigures& scheme : schemes) {
    const auto minimum = static_cast<double>(scheme.minimum_moves);
    json[scheme.name] = {
        {"replicas_max_over_mean", scheme.replicas_max_over_mean},
        {"primaries_max_over_mean", scheme.primaries_max_over_mean},
        {"keys_max_over_mean", scheme.keys_max_over_mean},
        {"moved_over_minimum",
         minimum > 0 ? Json(static_cast<double>(scheme.moved_replicas) / minimum) : Json(nullptr)},
        {"moved_replicas", scheme.moved_replicas},
        {"minimum_moves", scheme.minimum_moves},
        {"keys_moved_fraction", scheme.keys_moved_fraction},
        {"distinct_replica_sets", scheme.distinct_replica_sets},
        {"zones_reached_fraction", scheme.zones_reached_fraction},
    };
  }
  return json;
}

std::string ring_text(const RingSimulateOptions& options, const std::vector<SchemeFigures>& schemes) {
  constexpr const char* kRow = "{:<12}{:>10}{:>11}{:>10}{:>10}{:>10}{:>11}{:>10}{:>10}\n";
  std::string text = fmt::format("{} partitions x {} on {} nodes; {} join, {} leave; {} random keys\n\n",
                                 options.partitions, options.replication_factor, options.nodes, options.join,
                                 options.leave, with_commas(static_cast<std::uint64_t>(options.keys)));
  text += fmt::format(fmt::runtime(kRow), "", "replicas", "primaries", "keys", "replicas", "moved/", "keys", "distinct",
                      "zones");
  text += fmt::format(fmt::runtime(kRow), "", "max/mean", "max/mean", "max/mean", "moved", "minimum", "moved", "sets",
                      "reached");
  for (const SchemeFigures& scheme : schemes) {
    const auto ratio = static_cast<double>(scheme.moved_replicas) / static_cast<double>(scheme.minimum_moves);
    text += fmt::format(
        fmt::runtime(kRow), scheme.name, fmt::format("{:.3f}", scheme.replicas_max_over_mean),
        fmt::format("{:.3f}", scheme.primaries_max_over_mean), fmt::format("{:.3f}", scheme.keys_max_over_mean),
        with_commas(scheme.moved_replicas), scheme.minimum_moves > 0 ? fmt::format("{:.2f}", ratio) : "-",
        fmt::format("{:.1f} %", 100 * scheme.keys_moved_fraction), with_commas(scheme.distinct_replica_sets),
        fmt::format("{:.1f} %", 100 * scheme.zones_reached_fraction));
  }
  text += R"(
max/mean   the fullest node after the change against its share by weight (1: perfect balance)
minimum    what the leaving nodes held, or the joining nodes' fair share; below 1: they got less than that
keys       placed one by one by the other schemes, by partition in Gyre; moved: of all copies of keys
zones      partitions in as many zones as possible; only Gyre heeds zones
)";
  return text;
}

}  // namespace gyre::cli
