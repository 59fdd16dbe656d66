// What a large cluster costs its coordinator.
#include <chrono>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "placed_state.h"
#include "support.h"

namespace gyre::control {
namespace {

constexpr std::uint32_t kNodes = 200;
constexpr std::uint32_t kPartitions = 4096;

ring::NodeInfo numbered(std::uint32_t number) { return node_info(fmt::format("n{:03}", number)); }

ClusterState large_state(const CoordinatorConfig& config) {
  std::vector<ring::NodeInfo> nodes;
  for (std::uint32_t number = 1; number <= kNodes; ++number) nodes.push_back(numbered(number));
  ClusterState state = placed_state(config, std::move(nodes));
  state.map.epoch = Epoch(2);
  return state;
}

class LargeCluster {
 public:
  LargeCluster() : h(config()) {
    h.checks = false;
    h.settle();
    EXPECT_TRUE(h.store.swap(Epoch(1), large_state(config())));
    h.restart();
    hear_all();
  }

  static CoordinatorConfig config() {
    CoordinatorConfig config = config_of(kNodes, 3);
    config.shape.partitions = kPartitions;
    config.shape.vnodes = limits::kVnodesDefault;
    return config;
  }
  void hear_all() {
    for (const ring::NodeInfo& node : h.machine->map()->nodes) {
      h.heartbeat(node.id.str(), node.incarnation.value(), h.machine->map()->epoch);
    }
  }
  // A heartbeat interval: every node is heard, one look at everything.
  void interval() {
    hear_all();
    h.advance(kTiming.heartbeat);
    h.settle();
    h.sent.clear();
  }

  Harness h;
};

template <class Work>
double ms_of(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

double ms_per_interval(LargeCluster& c) {
  constexpr int kIntervals = 10;
  const double ms = ms_of([&] {
    for (int i = 0; i < kIntervals; ++i) c.interval();
  });
  return ms / kIntervals;
}

// Harness and store included; the figures printed are the point, the bounds are for slow machines and sanitizers.
TEST(CoordinatorReport, OfTwoHundredNodesAndFourThousandPartitions) {
  LargeCluster c;
  c.interval();
  const double at_rest = ms_per_interval(c);
  const double join = ms_of([&] {
    c.h.join(join_of(numbered(kNodes + 1)));
    c.h.settle();
  });
  EXPECT_EQ(c.h.count(CoordinatorEvent::Kind::rebalance_planned), 1u);
  const double moving = ms_per_interval(c);
  messages::ClusterSetRequest fewer;
  fewer.replication_factor = 2;
  const double lower = ms_of([&] {
    c.h.request(fewer);
    c.h.settle();
  });
  const double all_moving = ms_per_interval(c);
  fmt::print("a heartbeat interval of 100 ms, {} nodes, {} partitions:\n", kNodes, kPartitions);
  fmt::print("  at rest {:.1f} ms, {} partitions move {:.1f} ms, all move {:.1f} ms\n", at_rest, 3 * kPartitions / 201,
             moving, all_moving);
  fmt::print("  a join with its plan {:.0f} ms, one copy less with its plan {:.0f} ms\n", join, lower);
  EXPECT_LT(at_rest, 500);
  EXPECT_LT(join, 5000);
}

}  // namespace
}  // namespace gyre::control
