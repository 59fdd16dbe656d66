#include "base/timing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string refusal_of(const Timing& timing) {
  const auto checked = check(timing);
  if (checked) return {};
  EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument);
  return checked.error().message;
}

TEST(Timing, TheDefaultsFit) { EXPECT_EQ(refusal_of(Timing()), ""); }

TEST(Timing, APrimaryCountsNineTenthsOfALease) {
  EXPECT_EQ(Timing().lease_counted(), 1800ms);
  EXPECT_EQ(Timing().promotion_pause(), 4s);
}

TEST(Timing, LosingAMemberMustNotOutlastTheLease) {
  // 1 s + 2 * 100 ms + the swap's 500 ms against 0.9 L
  EXPECT_EQ(refusal_of({100ms, 1s, 1889ms}), "");
  EXPECT_THAT(refusal_of({100ms, 1s, 1888ms}), HasSubstr("do not fit"));
  EXPECT_THAT(refusal_of({100ms, 1100ms, 2s}), HasSubstr("detection of 1100 ms"));
}

TEST(Timing, DetectionHearsTwoHeartbeats) {
  EXPECT_EQ(refusal_of({500ms, 1s, 3s}), "");
  EXPECT_THAT(refusal_of({501ms, 1s, 3s}), HasSubstr("at least two heartbeats"));
}

TEST(Timing, RefusesExtremes) {
  EXPECT_THAT(refusal_of({9ms, 1s, 2s}), HasSubstr("heartbeat interval is 9 ms"));
  EXPECT_THAT(refusal_of({0ms, 0ms, 0ms}), HasSubstr("heartbeat interval is 0 ms"));
  EXPECT_THAT(refusal_of({100ms, 1s, 61s}), HasSubstr("lease is 61000 ms"));
}

}  // namespace
}  // namespace gyre
