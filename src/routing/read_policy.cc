#include "routing/read_policy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "base/hash.h"
#include "base/limits.h"
#include "routing/peers.h"
#include "routing/routes.h"

namespace gyre::routing {

namespace {

constexpr std::array<std::pair<ReadPolicy, std::string_view>, 5> kNames{{
    {ReadPolicy::latency, "latency"},
    {ReadPolicy::least_outstanding, "least-outstanding"},
    {ReadPolicy::round_robin, "round-robin"},
    {ReadPolicy::weighted, "weighted"},
    {ReadPolicy::sticky, "sticky"},
}};

// Members that a read may go to.
class Candidates {
 public:
  void add(PeerIndex peer) { peers_[count_++] = peer; }
  // Those that fail `wanted` go, unless all do.
  template <class Wanted>
  void prefer(Wanted wanted) {
    const auto all = std::span(peers_).first(count_);
    const auto end = std::ranges::stable_partition(all, wanted).begin();
    if (end != all.begin()) count_ = static_cast<std::size_t>(end - all.begin());
  }
  std::span<const PeerIndex> all() const { return std::span(peers_).first(count_); }
  std::size_t size() const { return count_; }
  PeerIndex operator[](std::size_t i) const { return peers_[i]; }

 private:
  std::array<PeerIndex, limits::kMembersMax> peers_;
  std::size_t count_ = 0;
};

// Of a candidate: those without any weight are there only where all are, and then alike.
double weight_of(const Peers& peers, PeerIndex peer) {
  const double weight = peers.weight(peer);
  return weight > 0 ? weight : 1;
}

// One of them, as often as its weight says; `but` is passed over.
PeerIndex by_weight(const Candidates& candidates, const Peers& peers, Rng& rng, PeerIndex but = kNoPeer) {
  double all = 0;
  for (const PeerIndex peer : candidates.all()) all += peer == but ? 0 : weight_of(peers, peer);
  double at = rng.unit() * all;
  PeerIndex last = kNoPeer;
  for (const PeerIndex peer : candidates.all()) {
    if (peer == but) continue;
    last = peer;
    at -= weight_of(peers, peer);
    if (at < 0) break;
  }
  return last;
}

PeerIndex better_of_two(Instant now, const Candidates& candidates, const Peers& peers, Rng& rng) {
  const PeerIndex a = by_weight(candidates, peers, rng);
  const PeerIndex b = by_weight(candidates, peers, rng, a);
  return peers.expected(now, b) < peers.expected(now, a) ? b : a;
}

// Among equals not always the same: else the first member of each partition would take all while there is little to do.
PeerIndex least_outstanding(const Candidates& candidates, const Peers& peers, Rng& rng) {
  const std::size_t from = rng.below(candidates.size());
  PeerIndex best = candidates[from];
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    const PeerIndex other = candidates[(from + i) % candidates.size()];
    if (peers.load(other) < peers.load(best)) best = other;
  }
  return best;
}

// Rendezvous hashing with weights (Schindelhauer and Schomaker 2005): who goes takes along only its own callers.
PeerIndex by_affinity(const Candidates& candidates, const Peers& peers, std::uint64_t affinity) {
  PeerIndex best = candidates[0];
  double best_score = -1;
  for (const PeerIndex peer : candidates.all()) {
    const std::uint64_t mixed = hash64(peers.address(peer), affinity);
    const double uniform = (static_cast<double>(mixed >> 11) + 0.5) / static_cast<double>(std::uint64_t{1} << 53);
    const double score = -weight_of(peers, peer) / std::log(uniform);
    if (score <= best_score) continue;
    best = peer;
    best_score = score;
  }
  return best;
}

}  // namespace

std::string_view to_string(ReadPolicy policy) {
  return std::ranges::find(kNames, policy, &std::pair<ReadPolicy, std::string_view>::first)->second;
}

PeerIndex choose_member(Instant now, PartitionRoute& route, std::uint32_t tried, const Peers& peers, ReadPolicy policy,
                        std::uint64_t affinity, Rng& rng) {
  Candidates candidates;
  for (std::size_t i = 0; i < route.members.size(); ++i) {
    if ((tried >> i & 1U) == 0) candidates.add(route.members[i]);
  }
  if (candidates.size() == 0) return kNoPeer;
  candidates.prefer([&](PeerIndex peer) { return !peers.is_down(peer); });
  candidates.prefer([&](PeerIndex peer) { return !peers.is_silent(now, peer); });
  candidates.prefer([&](PeerIndex peer) { return peers.weight(peer) > 0; });
  candidates.prefer([&](PeerIndex peer) { return peers.is_near(peer); });
  if (candidates.size() == 1) return candidates[0];
  switch (policy) {
    case ReadPolicy::latency: return better_of_two(now, candidates, peers, rng);
    case ReadPolicy::least_outstanding: return least_outstanding(candidates, peers, rng);
    case ReadPolicy::round_robin: return candidates[route.turn++ % candidates.size()];
    case ReadPolicy::weighted: return by_weight(candidates, peers, rng);
    case ReadPolicy::sticky: return by_affinity(candidates, peers, affinity);
  }
  return candidates[0];
}

}  // namespace gyre::routing
