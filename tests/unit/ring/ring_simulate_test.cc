#include "tools/gyre/ring_simulate.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

RingSimulateOptions small() {
  RingSimulateOptions options;
  options.partitions = 256;
  options.keys = 2000;
  return options;
}

std::vector<SchemeFigures> run(const RingSimulateOptions& options) {
  return simulate_ring(options, *ring_change(options));
}

TEST(RingSimulate, ReachesTheFiguresPromised) {
  RingSimulateOptions options = small();
  options.partitions = 1024;
  options.join = 1;
  const Json gyre = ring_json(run(options))["gyre"];
  EXPECT_LE(gyre["replicas_max_over_mean"], 1.05);
  EXPECT_LE(gyre["primaries_max_over_mean"], 1.05);
  EXPECT_LE(gyre["moved_over_minimum"], 1.10);
}

TEST(RingSimulate, ComparesFourSchemes) {
  RingSimulateOptions options = small();
  options.leave = 2;
  const Json json = ring_json(run(options));
  std::vector<std::string> names;
  for (const auto& [name, figures] : json.items()) {
    names.push_back(name);
    EXPECT_GE(figures["replicas_max_over_mean"], 1) << name;
    EXPECT_GE(figures["moved_over_minimum"], 1) << name;
    EXPECT_EQ(figures["zones_reached_fraction"], 1) << name;
  }
  EXPECT_THAT(names, testing::ElementsAre("gyre", "vnode_ring", "jump", "rendezvous"));
}

TEST(RingSimulate, MovesNothingWhereNothingChanges) {
  for (const SchemeFigures& scheme : run(small())) {
    EXPECT_EQ(scheme.moved_replicas, 0u) << scheme.name;
    EXPECT_EQ(scheme.keys_moved_fraction, 0) << scheme.name;
  }
}

TEST(RingSimulate, JumpHashMovesOnlyToWhoeverTakesThePlaceOfALeaver) {
  RingSimulateOptions options = small();
  options.join = 1;
  options.leave = 1;
  EXPECT_EQ(run(options)[2].moved_replicas, run(options)[2].minimum_moves);
}

TEST(RingSimulate, CountsMovesThatZonesForceAsTheMinimum) {
  RingSimulateOptions options = small();
  options.nodes = 9;
  options.join = 1;
  options.leave = 1;
  options.zones = {"a", "b", "c"};
  const SchemeFigures gyre = run(options).front();
  EXPECT_EQ(gyre.zones_reached_fraction, 1);
  EXPECT_LE(static_cast<double>(gyre.moved_replicas), 1.1 * static_cast<double>(gyre.minimum_moves));
}

TEST(RingSimulate, SameSeedGivesTheSameFigures) {
  RingSimulateOptions options = small();
  options.leave = 3;
  options.weights = {1, 2, 3, 1, 2, 3, 1, 2, 3, 4};
  EXPECT_EQ(ring_json(run(options)).dump(), ring_json(run(options)).dump());
}

TEST(RingSimulate, SaysWhatIsWrongWithItsOptions) {
  const std::vector<std::pair<const char*, std::function<void(RingSimulateOptions&)>>> mistakes = {
      {"--nodes is 0: give 1 to 1000", [](auto& o) { o.nodes = 0; }},
      {"--nodes is -5", [](auto& o) { o.nodes = -5; }},
      {"--rf is 8: give 1 to 7", [](auto& o) { o.replication_factor = 8; }},
      {"--partitions is 1000: give a power of two", [](auto& o) { o.partitions = 1000; }},
      {"--partitions is 0", [](auto& o) { o.partitions = 0; }},
      {"--partitions is 4294967297", [](auto& o) { o.partitions = 4294967297; }},
      {"--join is -1", [](auto& o) { o.join = -1; }},
      {"--leave is 10: of 10 nodes 0 to 9 can leave", [](auto& o) { o.leave = 10; }},
      {"--leave is -1", [](auto& o) { o.leave = -1; }},
      {"--keys is 0", [](auto& o) { o.keys = 0; }},
      {"--weights has 2 numbers: give one for each of the 10 nodes", [](auto& o) { o.weights = {1, 2}; }},
      {"--weights has -1", [](auto& o) { o.weights.assign(10, -1); }},
  };
  for (const auto& [message, make] : mistakes) {
    RingSimulateOptions options = small();
    make(options);
    const auto change = ring_change(options);
    ASSERT_FALSE(change.has_value()) << message;
    EXPECT_EQ(change.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(change.error().message, testing::HasSubstr(message));
  }
}

}  // namespace
}  // namespace gyre::cli
