#include "tools/gyre/ring_schemes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <utility>

#include "base/hash.h"
#include "ring/ring.h"
#include "ring/slot.h"

namespace gyre::cli {

namespace {

using Numbers = std::vector<std::uint32_t>;

std::uint32_t copies_on(const ring::ClusterShape& shape, const Numbers& nodes) {
  return std::min(shape.replication_factor, static_cast<std::uint32_t>(nodes.size()));
}

class GyreScheme : public Scheme {
 public:
  GyreScheme(const RingChange& change, const ring::Placement& placement) : partitioning_(change.shape.partitions) {
    std::map<NodeId, std::uint32_t> numbers;
    for (std::uint32_t i = 0; i < change.nodes.size(); ++i) numbers[change.nodes[i].id] = i;
    for (const auto& nodes : placement.partitions) {
      Holders& holders = partitions_.emplace_back();
      for (const NodeId& node : nodes) holders.push_back(numbers.at(node));
    }
  }

  Holders holders_of(PartitionId partition) const override { return partitions_[partition.value()]; }
  Holders holders_of(std::string_view key) const override { return holders_of(partitioning_.of(key)); }

 private:
  ring::Partitioning partitioning_;
  std::vector<Holders> partitions_;
};

// A scheme that places any 64-bit hash. Keys are placed by their own hash, without partitions, as such schemes
// usually are: it suits them best.
class HashScheme : public Scheme {
 public:
  using Locate = std::function<Holders(std::uint64_t hash)>;

  explicit HashScheme(Locate locate) : locate_(std::move(locate)) {}

  Holders holders_of(PartitionId partition) const override { return locate_(ring::Ring::point_of(partition)); }
  Holders holders_of(std::string_view key) const override { return locate_(hash64(key)); }

 private:
  Locate locate_;
};

std::uint64_t hash_again(std::uint64_t hash, std::uint64_t seed) {
  char bytes[sizeof hash];
  std::memcpy(bytes, &hash, sizeof hash);
  return hash64({bytes, sizeof bytes}, seed);
}

std::unique_ptr<Scheme> vnode_ring(const RingChange& change, const Numbers& nodes) {
  std::vector<ring::RingNode> points;
  for (const std::uint32_t node : nodes) points.push_back({change.nodes[node].id.str(), change.nodes[node].weight});
  const auto locate = [nodes, ring = ring::Ring(points, change.shape.vnodes),
                       copies = copies_on(change.shape, nodes)](std::uint64_t hash) {
    Holders holders;
    ring.find(hash, [&](ring::NodeIndex index) {
      holders.push_back(nodes[index]);
      return holders.size() == copies;
    });
    return holders;
  };
  return std::make_unique<HashScheme>(locate);
}

// The bucket of a key among `buckets`. SOURCE: Lamping and Veach 2014, figure 1.
std::size_t jump_hash(std::uint64_t key, std::size_t buckets) {
  std::int64_t bucket = -1;
  std::int64_t next = 0;
  while (next < static_cast<std::int64_t>(buckets)) {
    bucket = next;
    key = key * 2862933555777941757ULL + 1;
    next = static_cast<std::int64_t>(static_cast<double>(bucket + 1) *
                                     (static_cast<double>(1LL << 31) / static_cast<double>((key >> 33) + 1)));
  }
  return static_cast<std::size_t>(bucket);
}

std::unique_ptr<Scheme> jump(const RingChange& change, const Numbers& nodes, Numbers buckets) {
  const auto locate = [buckets = std::move(buckets), copies = copies_on(change.shape, nodes)](std::uint64_t hash) {
    Holders holders;
    for (std::uint64_t salt = 0; holders.size() < copies; ++salt) {
      const std::uint32_t node = buckets[jump_hash(hash_again(hash, salt), buckets.size())];
      if (std::ranges::find(holders, node) == holders.end()) holders.push_back(node);
    }
    return holders;
  };
  return std::make_unique<HashScheme>(locate);
}

std::unique_ptr<Scheme> rendezvous(const RingChange& change, const Numbers& nodes) {
  struct Candidate {
    std::uint32_t node;
    std::uint64_t seed;
    double weight;
  };
  std::vector<Candidate> candidates;
  for (const std::uint32_t node : nodes) {
    candidates.push_back({node, hash64(change.nodes[node].id.str()), change.nodes[node].weight});
  }
  const auto locate = [candidates, copies = copies_on(change.shape, nodes)](std::uint64_t hash) {
    std::vector<std::pair<double, std::uint32_t>> scores;
    for (const Candidate& candidate : candidates) {
      const double unit = (static_cast<double>(hash_again(hash, candidate.seed) >> 11) + 0.5) * 0x1.0p-53;
      scores.emplace_back(candidate.weight / std::log(unit), candidate.node);  // negative: the least is the highest
    }
    std::ranges::partial_sort(scores, scores.begin() + copies);
    Holders holders;
    for (std::uint32_t i = 0; i < copies; ++i) holders.push_back(scores[i].second);
    return holders;
  };
  return std::make_unique<HashScheme>(locate);
}

// How many buckets of jump hash make up for each node's weight.
Numbers bucket_counts(const RingChange& change) {
  constexpr double kBucketsOfLightest = 8;
  constexpr double kBucketsMax = 8000;
  const auto [lightest, heaviest] = std::ranges::minmax_element(change.nodes, {}, &ring::PlacementMember::weight);
  const double unit = lightest->weight == heaviest->weight ? 1 : kBucketsOfLightest;
  Numbers counts;
  for (const auto& node : change.nodes) {
    const double buckets = std::min(kBucketsMax, unit * node.weight / lightest->weight);
    counts.push_back(static_cast<std::uint32_t>(std::lround(buckets)));
  }
  return counts;
}

}  // namespace

SchemePair make_gyre(const RingChange& change) {
  const auto members = [&](const Numbers& nodes) {
    std::vector<ring::PlacementMember> chosen;
    for (const std::uint32_t node : nodes) chosen.push_back(change.nodes[node]);
    return chosen;
  };
  const auto before = ring::place(change.shape, members(change.before), {});
  const auto after = ring::place(change.shape, members(change.after), before);
  return {std::make_unique<GyreScheme>(change, before), std::make_unique<GyreScheme>(change, after)};
}

SchemePair make_vnode_ring(const RingChange& change) {
  return {vnode_ring(change, change.before), vnode_ring(change, change.after)};
}

SchemePair make_jump(const RingChange& change) {
  const Numbers counts = bucket_counts(change);
  Numbers before;
  for (const std::uint32_t node : change.before) before.insert(before.end(), counts[node], node);

  const auto stays = [&](std::uint32_t node) { return std::ranges::find(change.after, node) != change.after.end(); };
  Numbers joining;
  for (const std::uint32_t node : change.after) {
    const bool is_new = std::ranges::find(change.before, node) == change.before.end();
    if (is_new) joining.insert(joining.end(), counts[node], node);
  }
  Numbers after = before;
  for (std::size_t i = 0; i < after.size();) {
    Numbers& substitutes = joining.empty() ? after : joining;
    if (stays(after[i])) {
      ++i;
      continue;
    }
    after[i] = substitutes.back();
    substitutes.pop_back();
  }
  after.insert(after.end(), joining.begin(), joining.end());
  return {jump(change, change.before, std::move(before)), jump(change, change.after, std::move(after))};
}

SchemePair make_rendezvous(const RingChange& change) {
  return {rendezvous(change, change.before), rendezvous(change, change.after)};
}

}  // namespace gyre::cli
