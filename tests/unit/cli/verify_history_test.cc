#include "tools/gyre/verify_history.h"

#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using Kind = RegisterCall::Kind;

RegisterCall call(Kind kind, std::uint64_t value, int called, int answered) {
  const auto at = [](int ms) { return VerifyClock::time_point(std::chrono::milliseconds(ms)); };
  return {kind, value, at(called), answered < 0 ? std::nullopt : std::optional(at(answered))};
}
RegisterCall write(std::uint64_t value, int called, int answered) { return call(Kind::write, value, called, answered); }
RegisterCall read(std::uint64_t value, int called, int answered) { return call(Kind::read, value, called, answered); }

TEST(CheckRegister, AcceptsWhatOneCopyCouldDo) {
  EXPECT_EQ(check_register({}), "");
  EXPECT_EQ(check_register({read(0, 0, 1), write(1, 2, 3), read(1, 4, 5), write(2, 6, 7), read(2, 8, 9)}), "");
  EXPECT_EQ(check_register({write(1, 0, 10), read(0, 2, 4), read(1, 5, 6)}), "") << "either side of a write under way";
  EXPECT_EQ(check_register({write(1, 0, 10), write(2, 0, 10), read(2, 11, 12)}), "");
  EXPECT_EQ(check_register({write(1, 0, 10), write(2, 0, 10), read(1, 11, 12)}), "");
}

TEST(CheckRegister, RefusesALostWrite) {
  EXPECT_NE(check_register({write(1, 0, 1), read(0, 2, 3)}), "");
  EXPECT_NE(check_register({write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)}), "");
}

TEST(CheckRegister, RefusesReadsThatGoBack) {
  EXPECT_NE(check_register({write(1, 0, 10), read(1, 2, 4), read(0, 5, 6)}), "");
  EXPECT_NE(check_register({write(1, 0, 1), write(2, 2, 20), read(2, 3, 4), read(1, 5, 6)}), "");
}

TEST(CheckRegister, RefusesValuesFromNowhere) {
  EXPECT_NE(check_register({read(7, 0, 1)}), "");
  EXPECT_NE(check_register({read(1, 0, 1), write(1, 2, 3)}), "") << "read before it was written";
}

TEST(CheckRegister, AnUnknownWriteMayHappenLateOrNever) {
  EXPECT_EQ(check_register({write(1, 0, -1), read(0, 5, 6), read(1, 7, 8)}), "");
  EXPECT_EQ(check_register({write(1, 0, -1), read(0, 5, 6)}), "");
  EXPECT_NE(check_register({write(1, 0, -1), read(1, 5, 6), read(0, 7, 8)}), "");
}

TEST(CheckCounter, CountsEachIncrementOnce) {
  EXPECT_EQ(check_counter({{2, 1, 3}, 0}, 3), "");
  EXPECT_EQ(check_counter({{1, 2, 4}, 1}, 4), "");
  EXPECT_EQ(check_counter({{}, 2}, 0), "");
  EXPECT_NE(check_counter({{1, 2, 2}, 0}, 3), "");
  EXPECT_NE(check_counter({{1, 2, 3}, 0}, 2), "");
  EXPECT_NE(check_counter({{1, 2, 3}, 1}, 5), "");
  EXPECT_NE(check_counter({{1, 5}, 1}, 3), "");
}

TEST(CheckEnough, WantsSomeCallsAndATenthOfAll) {
  EXPECT_EQ(check_enough(20, 20), "");
  EXPECT_EQ(check_enough(10'000, 1'000), "");
  EXPECT_EQ(check_enough(19, 19), "only 19 of 19 calls were acknowledged: that proves nothing");
  EXPECT_NE(check_enough(10'000, 999), "");
  EXPECT_NE(check_enough(0, 0), "");
}

}  // namespace
}  // namespace gyre::cli
