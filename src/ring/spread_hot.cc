#include "ring/spread_hot.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "ring/share_input.h"

namespace gyre::ring {

namespace {

constexpr double kTooHot = 1.2;  // times what is due to a node by its weight: primaries begin to move
constexpr double kEven = 1.05;  // and stop
constexpr double kGain = 0.01;  // of what is due, that a change must bring
constexpr double kOperationsWorth = 100;  // per second, of the busiest node: below, there is nothing to gain
constexpr std::size_t kChangesMax = 256;
constexpr std::size_t kTriedMax = 32;  // partitions of a node that are looked at for one change

// In `partition` the primary goes to `to`; where there is an exchange, in `back` it comes the other way.
struct Change {
  std::uint32_t partition;
  NodeIndex to;
  std::optional<std::uint32_t> back;
  double heat;  // of the hotter of the two, afterwards
};

class HotSpreader {
 public:
  HotSpreader(const ClusterShape& shape, const std::vector<PlacementMember>& members,
              const std::vector<PartitionLoad>& loads, Placement& placement)
      : placement_(placement),
        ids_(members.size()),
        loads_(primary_shares(share_input(shape, members)), shape.load_slack, shape.partitions),
        due_(members.size()),
        busy_(members.size()),
        primaries_(members.size()),
        stuck_(members.size()) {
    double weight = 0;
    double total = 0;
    for (const PlacementMember& member : members) weight += member.weight;
    for (const PartitionLoad& load : loads) operations_.push_back(load.reads_per_second + load.writes_per_second);
    operations_.resize(placement.partitions.size());
    for (const double operations : operations_) total += operations;
    for (std::size_t i = 0; i < members.size(); ++i) {
      ids_[i] = members[i].id;
      due_[i] = std::max(total * members[i].weight / weight, 1.0);
    }
    for (std::uint32_t p = 0; p < placement.partitions.size(); ++p) {
      if (!placement.partitions[p].empty()) give(p, index_of(placement.partitions[p].front()));
    }
  }

  bool run() {
    const NodeIndex first = hottest();
    if (heat(first) < kTooHot || busy_[first] < kOperationsWorth) return false;
    std::size_t changes = 0;
    while (changes < kChangesMax) {
      const NodeIndex hot = hottest();
      if (stuck_[hot] || heat(hot) < kEven) break;
      const auto change = best_change(hot);
      if (!change || change->heat > heat(hot) - kGain) {
        stuck_[hot] = true;
        continue;
      }
      carry_out(hot, *change);
      stuck_.assign(stuck_.size(), false);
      ++changes;
    }
    return changes > 0;
  }

 private:
  NodeIndex index_of(const NodeId& id) const {
    return static_cast<NodeIndex>(std::ranges::lower_bound(ids_, id) - ids_.begin());
  }
  double heat(NodeIndex node) const { return busy_[node] / due_[node]; }
  double heat_with(NodeIndex node, double more) const { return (busy_[node] + more) / due_[node]; }

  // Those that are stuck come last.
  NodeIndex hottest() const {
    NodeIndex best = 0;
    for (NodeIndex node = 1; node < ids_.size(); ++node) {
      if (std::pair(!stuck_[node], heat(node)) > std::pair(!stuck_[best], heat(best))) best = node;
    }
    return best;
  }

  // The busiest, or idlest, partitions that a node is primary of.
  std::vector<std::uint32_t> some_of(NodeIndex node, bool busiest) const {
    std::vector<std::uint32_t> some = primaries_[node];
    std::ranges::sort(some, {},
                      [&](std::uint32_t p) { return std::pair(busiest ? -operations_[p] : operations_[p], p); });
    if (some.size() > kTriedMax) some.resize(kTriedMax);
    return some;
  }

  bool holds(std::uint32_t partition, NodeIndex node) const {
    return among(placement_.partitions[partition], ids_[node]);
  }

  std::optional<Change> best_change(NodeIndex hot) const {
    std::optional<Change> best;
    const auto consider = [&](const Change& change) {
      if (!best || change.heat < best->heat) best = change;
    };
    std::map<NodeIndex, std::vector<std::uint32_t>> idlest;
    const bool may_give = loads_.count(hot) > loads_.bounds(hot).lower;
    for (const std::uint32_t partition : some_of(hot, true)) {
      const double operations = operations_[partition];
      for (const NodeId& member : placement_.partitions[partition]) {
        const NodeIndex to = index_of(member);
        if (to == hot) continue;
        if (may_give && loads_.has_room(to)) {
          consider({partition, to, {}, std::max(heat_with(hot, -operations), heat_with(to, operations))});
        }
        const auto [idle, unseen] = idlest.try_emplace(to);
        if (unseen) idle->second = some_of(to, false);
        for (const std::uint32_t back : idle->second) {
          const double less = operations - operations_[back];
          if (less <= 0 || !holds(back, hot)) continue;
          consider({partition, to, back, std::max(heat_with(hot, -less), heat_with(to, less))});
        }
      }
    }
    return best;
  }

  void carry_out(NodeIndex from, const Change& change) {
    hand_over(change.partition, from, change.to);
    if (change.back) hand_over(*change.back, change.to, from);
  }

  void hand_over(std::uint32_t partition, NodeIndex from, NodeIndex to) {
    auto& nodes = placement_.partitions[partition];
    std::iter_swap(nodes.begin(), std::ranges::find(nodes, ids_[to]));
    std::erase(primaries_[from], partition);
    busy_[from] -= operations_[partition];
    loads_.remove(from);
    give(partition, to);
  }

  void give(std::uint32_t partition, NodeIndex node) {
    primaries_[node].push_back(partition);
    busy_[node] += operations_[partition];
    loads_.add(node);
  }

  Placement& placement_;
  std::vector<NodeId> ids_;
  Loads loads_;  // of primaries
  std::vector<double> operations_;  // by partition
  std::vector<double> due_;  // operations, by weight
  std::vector<double> busy_;
  std::vector<std::vector<std::uint32_t>> primaries_;
  std::vector<bool> stuck_;
};

}  // namespace

bool spread_hot_primaries(const ClusterShape& shape, const std::vector<PlacementMember>& members,
                          const std::vector<PartitionLoad>& loads, Placement& placement) {
  if (members.empty()) return false;
  return HotSpreader(shape, members, loads, placement).run();
}

}  // namespace gyre::ring
