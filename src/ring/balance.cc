#include "ring/balance.h"

#include <optional>
#include <ranges>
#include <tuple>
#include <utility>

#include "base/hash.h"

namespace gyre::ring {

namespace {

// One change of a chain: in `partition`, what `near` has goes to `far`, or the other way round.
struct Hop {
  std::uint32_t partition;
  NodeIndex near;
  NodeIndex far;
};

// The node for which `value` is least among those `wanted`.
template <class Nodes, class Wanted, class Value>
std::optional<NodeIndex> least(const Nodes& nodes, Wanted wanted, Value value) {
  std::optional<NodeIndex> best;
  for (const NodeIndex node : nodes) {
    if (wanted(node) && (!best || value(node) < value(*best))) best = node;
  }
  return best;
}

// Breadth first from `start` to the nearest node that is `wanted`, of the nearest the one with the least `value`.
// `expand(node, visit)` calls visit(partition, neighbour) for every hop from `node`. Empty: there is no chain.
template <class Expand, class Wanted, class Value>
std::vector<Hop> find_chain(std::uint32_t nodes, NodeIndex start, Expand expand, Wanted wanted, Value value) {
  std::vector<std::optional<Hop>> reached_by(nodes);
  std::vector<NodeIndex> level = {start};
  while (!level.empty()) {
    std::vector<NodeIndex> next;
    for (const NodeIndex node : level) {
      expand(node, [&](std::uint32_t partition, NodeIndex neighbour) {
        if (neighbour == start || reached_by[neighbour]) return;
        reached_by[neighbour] = Hop{partition, node, neighbour};
        next.push_back(neighbour);
      });
    }
    if (const auto end = least(next, wanted, value)) {
      std::vector<Hop> chain;
      for (NodeIndex node = *end; node != start; node = chain.back().near) chain.push_back(*reached_by[node]);
      return chain;  // the hop farthest from `start` first
    }
    level = std::move(next);
  }
  return {};
}

// Which nodes may give something away; the value is least for the one that should first.
auto giving(const Loads& loads) {
  return std::pair([&](NodeIndex node) { return loads.can_give(node); },
                   [&](NodeIndex node) { return -loads.surplus(node); });
}

// Which nodes may take something; the value is least for the one that should first.
auto taking(const Loads& loads) {
  return std::pair([&](NodeIndex node) { return loads.has_room(node); },
                   [&](NodeIndex node) { return loads.surplus(node); });
}

}  // namespace

Balancer::Balancer(Draft& draft, const std::vector<NodeId>& ids) : draft_(draft) {
  order_.reserve(ids.size());
  for (const NodeId& id : ids) order_.push_back(hash64(id.str()));
}

template <class Visit>
void Balancer::for_each_partition(NodeIndex node, Visit visit) const {
  // An odd stride meets each of a power of two of partitions once.
  const std::uint64_t stride = (order_[node] >> 32) | 1;
  for (std::uint64_t i = 0; i < draft_.partitions(); ++i) {
    visit(static_cast<std::uint32_t>((order_[node] + i * stride) % draft_.partitions()));
  }
}

void Balancer::balance_primaries() {
  settle(
      draft_.primaries(), [&](NodeIndex needy) { deal_primaries(needy); },
      [&](NodeIndex needy) { return feed_primaries(needy); },
      [&](NodeIndex loaded) { return relieve_primaries(loaded); });
}

void Balancer::balance_replicas() {
  settle(
      draft_.replicas(), [&](NodeIndex needy) { deal_replicas(needy); },
      [&](NodeIndex needy) { return feed_replicas(needy); },
      [&](NodeIndex loaded) { return relieve_replicas(loaded); });
}

template <class Deal, class Feed, class Relieve>
void Balancer::settle(const Loads& loads, Deal deal, Feed feed, Relieve relieve) {
  // Relieving lowers what is above bounds, feeding lowers what is above shares and raises neither: this ends.
  for (bool changed = true; changed;) {
    changed = false;
    for (NodeIndex node = 0; node < draft_.nodes(); ++node) {
      if (!loads.under(node)) continue;
      const std::uint32_t count = loads.count(node);
      deal(node);
      changed = changed || loads.count(node) > count;
      while (loads.lacks_share(node) && feed(node)) changed = true;
    }
    for (NodeIndex node = 0; node < draft_.nodes(); ++node) {
      while (loads.over(node) && relieve(node)) changed = true;
    }
  }
}

void Balancer::deal_primaries(NodeIndex needy) {
  const Loads& primaries = draft_.primaries();
  const Loads& replicas = draft_.replicas();
  for (const auto may_give : {&Loads::over, &Loads::can_give}) {
    for_each_partition(needy, [&](std::uint32_t partition) {
      if (!primaries.lacks_share(needy) || !(primaries.*may_give)(draft_.primary(partition))) return;
      if (draft_.holds(partition, needy)) return draft_.set_primary(partition, needy);
      if (!replicas.lacks_share(needy)) return;  // it would get more data than it is due
      const NodeIndex leaver = draft_.leaver_for(partition, needy);
      if (leaver == kNobody || replicas.can_give(leaver)) draft_.bring_primary(partition, needy);
    });
  }
}

void Balancer::deal_replicas(NodeIndex needy) {
  const Loads& loads = draft_.replicas();
  const auto leanness = [&](NodeIndex member) { return -loads.surplus(member); };
  const auto deal = [&](auto may_give) {
    for_each_partition(needy, [&](std::uint32_t partition) {
      if (!loads.lacks_share(needy) || draft_.holds(partition, needy)) return;
      const auto giver = least(
          draft_.members(partition),
          [&](NodeIndex member) {
            return member != draft_.primary(partition) && may_give(partition, member) &&
                   draft_.gap(partition, member).accepts(needy);
          },
          leanness);
      if (giver) draft_.replace(partition, *giver, needy);
    });
  };
  deal([&](std::uint32_t partition, NodeIndex member) {
    return loads.can_give(member) && draft_.moves(partition, member);
  });
  deal([&](std::uint32_t, NodeIndex member) { return loads.over(member); });
  deal([&](std::uint32_t, NodeIndex member) { return loads.can_give(member); });
}

bool Balancer::feed_primaries(NodeIndex needy) {
  const auto expand = [&](NodeIndex node, auto visit) {
    for_each_partition(node, [&](std::uint32_t partition) {
      const NodeIndex primary = draft_.primary(partition);
      if (primary != node && draft_.holds(partition, node)) visit(partition, primary);
    });
  };
  const auto [can_give, leanness] = giving(draft_.primaries());
  const auto chain = find_chain(draft_.nodes(), needy, expand, can_give, leanness);
  for (const Hop& hop : chain) draft_.set_primary(hop.partition, hop.near);
  if (!chain.empty()) return true;
  return take_primary(needy, can_give);
}

bool Balancer::relieve_primaries(NodeIndex loaded) {
  const auto expand = [&](NodeIndex node, auto visit) {
    for_each_partition(node, [&](std::uint32_t partition) {
      if (draft_.primary(partition) != node) return;
      for (const NodeIndex member : draft_.members(partition)) {
        if (member != node) visit(partition, member);
      }
    });
  };
  const auto [has_room, surplus] = taking(draft_.primaries());
  const auto chain = find_chain(draft_.nodes(), loaded, expand, has_room, surplus);
  for (const Hop& hop : chain) draft_.set_primary(hop.partition, hop.far);
  if (!chain.empty()) return true;
  const auto taker = least(std::views::iota(NodeIndex{0}, draft_.nodes()), has_room, surplus);
  return taker && take_primary(*taker, [&](NodeIndex node) { return node == loaded; });
}

template <class From>
bool Balancer::take_primary(NodeIndex to, From from) {
  std::optional<std::uint32_t> best;
  std::tuple<bool, double, double> best_rank;
  for_each_partition(to, [&](std::uint32_t partition) {
    const NodeIndex primary = draft_.primary(partition);
    if (!from(primary) || draft_.holds(partition, to)) return;
    const NodeIndex leaver = draft_.leaver_for(partition, to);
    const Loads& replicas = draft_.replicas();
    const std::tuple rank(leaver == kNobody || replicas.can_give(leaver), draft_.primaries().surplus(primary),
                          leaver == kNobody ? 0 : replicas.surplus(leaver));
    if (best && rank <= best_rank) return;
    best = partition;
    best_rank = rank;
  });
  if (best) draft_.bring_primary(*best, to);
  return best.has_value();
}

bool Balancer::feed_replicas(NodeIndex needy) {
  const auto expand = [&](NodeIndex node, auto visit) {
    for_each_partition(node, [&](std::uint32_t partition) {
      if (draft_.holds(partition, node)) return;
      for (const NodeIndex member : draft_.members(partition)) {
        if (member == draft_.primary(partition)) continue;
        if (draft_.gap(partition, member).accepts(node)) visit(partition, member);
      }
    });
  };
  const auto [can_give, leanness] = giving(draft_.replicas());
  const auto chain = find_chain(draft_.nodes(), needy, expand, can_give, leanness);
  for (const Hop& hop : std::views::reverse(chain)) draft_.replace(hop.partition, hop.far, hop.near);
  return !chain.empty();
}

bool Balancer::relieve_replicas(NodeIndex loaded) {
  const auto expand = [&](NodeIndex node, auto visit) {
    for_each_partition(node, [&](std::uint32_t partition) {
      if (draft_.primary(partition) == node || !draft_.holds(partition, node)) return;
      const auto gap = draft_.gap(partition, node);
      for (NodeIndex other = 0; other < draft_.nodes(); ++other) {
        if (gap.accepts(other)) visit(partition, other);
      }
    });
  };
  const auto [has_room, surplus] = taking(draft_.replicas());
  const auto chain = find_chain(draft_.nodes(), loaded, expand, has_room, surplus);
  for (const Hop& hop : chain) draft_.replace(hop.partition, hop.near, hop.far);
  return !chain.empty();
}

}  // namespace gyre::ring
