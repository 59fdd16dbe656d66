// Random changes of a cluster that moves data, with nodes and coordinators that die at any time: nothing leaves before
// what replaces it is in sync, and once all is well again every partition is where its target wants it.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "moving_cluster.h"

namespace gyre::control {
namespace {

using namespace std::chrono_literals;
using Action = messages::NodeSetRequest::Action;

class MovingWorld {
 public:
  explicit MovingWorld(std::uint64_t seed, BrokenRule broken = BrokenRule::none)
      : rng_(seed), copies_(1 + static_cast<std::uint32_t>(rng_.below(3))), c_(3, config(broken)) {
    messages::ClusterSetRequest set;
    set.replace_after = 2s + std::chrono::milliseconds(rng_.below(5000));
    set.moves_per_node = 1 + static_cast<std::uint32_t>(rng_.below(4));
    c_.ask(set);
  }

  void step() {
    const std::string id = any();
    switch (rng_.below(16)) {
      case 0:
        if (c_.node.size() < 8) c_.add("n" + std::to_string(c_.node.size() + 1));
        break;
      case 1: c_.set(id, Action::drain); break;
      case 2: c_.set(id, Action::remove); break;
      case 3: c_.set(id, Action::resume); break;
      case 4: c_.set(id, Action::forget); break;
      case 5: c_.ask(messages::NodeSetRequest{NodeId(id), static_cast<double>(1 + rng_.below(3)), {}, {}}); break;
      case 6: {
        messages::ClusterSetRequest set;
        set.replication_factor = 1 + static_cast<std::uint32_t>(rng_.below(4));
        set.min_in_sync = 1 + static_cast<std::uint32_t>(rng_.below(2));
        c_.ask(set);
        break;
      }
      case 7: {
        messages::ClusterSetRequest set;
        set.paused = rng_.chance(0.3);
        c_.ask(set);
        break;
      }
      case 8:
        if (c_.node[id].up && c_.in_map(id) && rng_.chance(0.5)) c_.kill(id);
        break;
      case 9:
        if (!c_.node[id].up) c_.restart(id);
        break;
      case 10: c_.restart_coordinator(); break;
      case 11: c_.copies = rng_.chance(0.7); break;
      case 12: c_.accounts = rng_.chance(0.7); break;
      default: c_.work(std::chrono::milliseconds(100 * (1 + rng_.below(20)))); break;
    }
  }

  // Everybody is back and does its work. False: it does not come to rest.
  bool heal() {
    c_.copies = c_.accounts = c_.deletes = true;
    messages::ClusterSetRequest set;
    set.paused = false;
    c_.ask(set);
    for (auto& [id, script] : c_.node) {
      if (!script.up || !c_.in_map(id)) c_.restart(id);
    }
    return c_.converge(240s);
  }

  MovingCluster& cluster() { return c_; }

 private:
  CoordinatorConfig config(BrokenRule broken) const {
    CoordinatorConfig config = MovingCluster::config_for(3, copies_);
    config.broken = broken;
    config.balance_primaries = true;
    return config;
  }
  std::string any() {
    auto at = c_.node.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(rng_.below(c_.node.size())));
    return at->first;
  }

  Rng rng_;
  std::uint32_t copies_;
  MovingCluster c_;
};

constexpr int kMovingSteps = 60;

TEST(RebalanceProperty, NothingLeavesEarlyAndAllComesToRest) {
  std::size_t removed = 0;
  std::size_t planned = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    MovingWorld world(seed);
    for (int i = 0; i < kMovingSteps; ++i) {
      world.step();
      ASSERT_TRUE(world.cluster().violations.empty()) << "seed " << seed << ": " << world.cluster().violations[0];
    }
    ASSERT_TRUE(world.heal()) << "seed " << seed;
    ASSERT_TRUE(world.cluster().violations.empty()) << "seed " << seed << ": " << world.cluster().violations[0];
    removed += world.cluster().h.count(CoordinatorEvent::Kind::node_removed);
    planned += world.cluster().h.count(CoordinatorEvent::Kind::rebalance_planned);
  }
  EXPECT_GT(removed, 20u) << "the test does something";
  EXPECT_GT(planned, 200u);
}

TEST(RebalanceProperty, ARuleSwitchedOffIsNoticed) {
  for (const BrokenRule rule : {BrokenRule::target_in_sync_first, BrokenRule::move_waits_for_account}) {
    std::uint64_t seed = 1;
    for (bool noticed = false; !noticed && seed <= 60; ++seed) {
      MovingWorld world(seed, rule);
      for (int i = 0; i < kMovingSteps && !noticed; ++i) {
        world.step();
        noticed = !world.cluster().violations.empty();
      }
    }
    EXPECT_LE(seed, 60u) << to_string(rule);
    RecordProperty(std::string(to_string(rule)), std::to_string(seed));
  }
}

}  // namespace
}  // namespace gyre::control
