#include "tools/gyre/scaling.h"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const std::vector<ScalingStep> kSteps = {
    {.nodes = 1, .offered = 1000, .served = 990, .p50 = 1ms, .p99 = 2ms, .failed = 0},
    {.nodes = 1, .offered = 3000, .served = 2000, .p50 = 1ms, .p99 = 250ms, .failed = 1234},
    {.nodes = 2, .offered = 6000, .served = 3900, .p50 = 1ms, .p99 = 300ms, .failed = 2000},
};

TEST(Scaling, LoadsRiseFromBelowToAboveWhatTheNodesServe) {
  const auto loads = scaling_loads(3, 1000);
  EXPECT_TRUE(std::ranges::is_sorted(loads));
  EXPECT_LT(loads.front(), 1000);
  EXPECT_GT(loads.back(), 4000);
}

TEST(Scaling, TheMostIsThatOfItsNodes) {
  EXPECT_EQ(most_served(kSteps, 1), 2000);
  EXPECT_EQ(most_served(kSteps, 2), 3900);
}

TEST(Scaling, TextSaysHowMuchMoreThanOneNode) {
  const std::string text = scaling_text({}, kSteps);
  EXPECT_THAT(text, HasSubstr("1,234"));
  EXPECT_THAT(text, HasSubstr("250.0 ms"));
  EXPECT_THAT(text, HasSubstr("1.95x"));
}

TEST(Scaling, JsonHasEveryStep) {
  const Json json = scaling_json({}, kSteps);
  ASSERT_EQ(json["steps"].size(), 3u);
  EXPECT_EQ(json["steps"][1]["failed"], 1234);
  EXPECT_EQ(json["most"][1]["served"], 3900);
}

TEST(Scaling, ThePlotHasALineForEachNumberOfNodes) {
  const std::string svg = scaling_svg({}, kSteps);
  EXPECT_THAT(svg, testing::StartsWith("<svg "));
  std::size_t lines = 0;
  for (auto at = svg.find("<polyline"); at != std::string::npos; at = svg.find("<polyline", at + 1)) ++lines;
  EXPECT_EQ(lines, 4u) << "two in each chart";
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

}  // namespace
}  // namespace gyre::cli
