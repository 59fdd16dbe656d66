// What operators ask for and set. That every field survives is tested with all other requests and answers.
#include <limits>

#include <gtest/gtest.h>

#include "tests/unit/wire/frames.h"
#include "wire/codec.h"

namespace gyre::wire {
namespace {

using namespace std::chrono_literals;
using messages::ClusterSetRequest;
using messages::FaultsRequest;
using messages::HotRequest;
using testing::frame_of;
using testing::frame_of_response;
using testing::refusal_of;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

template <class Body>
Body travelled(Body body) {
  const auto frame = decode(encode(frame_of(std::move(body))), {});
  EXPECT_TRUE(frame) << frame.error().message;
  return std::get<Body>(frame->requests.at(0).body);
}

TEST(AdminCodec, WhatIsNotGivenIsNotSet) {
  const auto nothing = travelled(ClusterSetRequest{});
  EXPECT_FALSE(nothing.automatic || nothing.paused || nothing.spread_hot || nothing.moves_per_node);
  EXPECT_FALSE(nothing.bytes_per_second || nothing.p99_factor || nothing.replace_after);
  EXPECT_FALSE(nothing.replication_factor || nothing.min_in_sync);
  const auto falsehoods = travelled(ClusterSetRequest{.automatic = false, .bytes_per_second = 0, .replace_after = 0s});
  EXPECT_EQ(falsehoods.automatic, false);
  EXPECT_EQ(falsehoods.bytes_per_second, 0u);
  EXPECT_EQ(falsehoods.replace_after, Duration(0));
  const auto node = travelled(messages::NodeSetRequest{.node = NodeId("n1"), .zone = ""});
  EXPECT_FALSE(node.weight);
  EXPECT_EQ(node.zone, "");
}

TEST(AdminCodec, RefusesSettingsBeyondTheirBounds) {
  const auto refusal = [](ClusterSetRequest request) { return refusal_of(frame_of(request)); };
  EXPECT_EQ(refusal({.moves_per_node = limits::kMovesPerNodeMax}), ErrorCode());
  EXPECT_EQ(refusal({.moves_per_node = 0}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal({.moves_per_node = limits::kMovesPerNodeMax + 1}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal({.p99_factor = 1}), ErrorCode());
  for (const double factor : {0.5, -1.0, kInfinity, kNoNumber}) {
    EXPECT_EQ(refusal({.p99_factor = factor}), ErrorCode::invalid_argument) << factor;
  }
  EXPECT_EQ(refusal({.replication_factor = 0}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal({.replication_factor = limits::kReplicationFactorMax + 1}), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal({.min_in_sync = 0}), ErrorCode::invalid_argument);
  for (const double weight : {0.0, -1.0, limits::kWeightMax * 2, kNoNumber}) {
    EXPECT_EQ(refusal_of(frame_of(messages::NodeSetRequest{.node = NodeId("n1"), .weight = weight})),
              ErrorCode::invalid_argument)
        << weight;
  }
}

TEST(AdminCodec, DurationsThatCannotTravelAreTakenAsTheNearest) {
  constexpr auto kLongest = std::chrono::milliseconds(std::int64_t{1} << 42);
  EXPECT_EQ(travelled(ClusterSetRequest{.replace_after = Duration::max()}).replace_after, kLongest);
  EXPECT_EQ(travelled(ClusterSetRequest{.replace_after = -5s}).replace_after, 0s);
  const auto plan = decode(encode(frame_of_response(messages::PlanResponse{.estimate = Duration::max()})), {});
  EXPECT_EQ(std::get<messages::PlanResponse>(plan->responses[0].body).estimate, kLongest);
  const auto faults =
      travelled(FaultsRequest{.show = false, .rules = {{.peer = "n1", .delay = 1999us, .jitter = -1s}}});
  EXPECT_EQ(faults.rules.at(0).delay, 1ms);
  EXPECT_EQ(faults.rules.at(0).jitter, 0ms);
}

TEST(AdminCodec, RefusesFaultsThatAreNone) {
  FaultsRequest faults{.show = false, .rules = {}};
  faults.rules.assign(limits::kFaultRulesMax, {.peer = "n1", .drop = 1});
  EXPECT_EQ(refusal_of(frame_of(faults)), ErrorCode());
  faults.rules.push_back({.peer = "n1"});
  EXPECT_EQ(refusal_of(frame_of(faults)), ErrorCode::too_large);
  for (const double drop : {-0.1, 1.1, kNoNumber}) {
    EXPECT_EQ(refusal_of(frame_of(FaultsRequest{.rules = {{.peer = "n1", .drop = drop}}})),
              ErrorCode::invalid_argument);
  }
}

TEST(AdminCodec, TakesTooManyHotKeysAsTheMost) {
  EXPECT_EQ(travelled(HotRequest{0}).keys_max, 0u);
  EXPECT_EQ(travelled(HotRequest{4'000'000'000}).keys_max, limits::kHotKeysPageMax);
}

TEST(AdminCodec, RefusesListsBeyondTheirLimits) {
  messages::HotResponse hot;
  hot.keys.assign(limits::kHotKeysPageMax + 1, {.key = Bytes::literal("k")});
  EXPECT_EQ(refusal_of(frame_of_response(hot)), ErrorCode::too_large);
  hot.keys.resize(1);
  hot.partitions.resize(limits::kSlots + 1);
  EXPECT_EQ(refusal_of(frame_of_response(hot)), ErrorCode::too_large);
  messages::MovesResponse moves;
  moves.nodes.assign(limits::kNodesMax + 1, {.node = NodeId("n1")});
  EXPECT_EQ(refusal_of(frame_of_response(moves)), ErrorCode::too_large);
  messages::Frame frame;
  frame.messages.push_back(
      messages::LoadReport{.items = std::vector<messages::LoadReport::Item>(limits::kSlots + 1), .transfers = {}});
  EXPECT_EQ(refusal_of(frame), ErrorCode::too_large);
}

// Who sorts by them relies on it.
TEST(AdminCodec, RefusesRatesThatAreNoNumbers) {
  for (const double rate : {-1.0, kInfinity, kNoNumber}) {
    messages::HotResponse hot;
    hot.keys = {{.key = Bytes::literal("k"), .per_second = rate}};
    EXPECT_EQ(refusal_of(frame_of_response(hot)), ErrorCode::invalid_argument) << rate;
    EXPECT_EQ(refusal_of(frame_of_response(messages::MovesResponse{.bytes_per_second = rate})),
              ErrorCode::invalid_argument);
    messages::PlanResponse plan;
    plan.plan.nodes = {{.node = NodeId("n1"), .share = rate}};
    EXPECT_EQ(refusal_of(frame_of_response(plan)), ErrorCode::invalid_argument);
  }
}

TEST(AdminCodec, AFullPlanOfTheLargestClusterFitsInTheSmallestFrame) {
  messages::PlanResponse response;
  for (std::uint32_t i = 0; i < limits::kNodesMax; ++i) {
    response.plan.nodes.push_back({.node = NodeId(std::to_string(100'000 + i) + std::string(57, 'n'))});
  }
  std::vector<NodeId> members;
  for (std::size_t i = 0; i < limits::kReplicationFactorMax; ++i) members.push_back(response.plan.nodes[i].node);
  response.plan.target.partitions.assign(limits::kSlots, members);
  for (std::uint32_t i = 0; i < limits::kSlots * limits::kReplicationFactorMax; ++i) {
    response.plan.moves.push_back({.partition = PartitionId(static_cast<std::uint16_t>(i % limits::kSlots)),
                                   .from = response.plan.nodes[i % limits::kNodesMax].node,
                                   .to = response.plan.nodes[(i + 1) % limits::kNodesMax].node});
  }
  const Bytes bytes = encode(frame_of_response(response));
  EXPECT_LT(bytes.size(), Limits{.value_bytes_max = 1}.frame_bytes_max());
  const auto decoded = decode(bytes, {});
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(std::get<messages::PlanResponse>(decoded->responses[0].body).plan, response.plan);
}

}  // namespace
}  // namespace gyre::wire
