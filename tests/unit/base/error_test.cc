#include "gyre/error.h"

#include <array>
#include <limits>
#include <utility>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "gyre/types.h"

namespace gyre {
namespace {

// The numbers are part of the wire format: this list may only grow.
constexpr std::array kNumbers = {
    std::pair{"not_found", 1},        std::pair{"condition_failed", 2},
    std::pair{"session_lost", 3},     std::pair{"denied", 4},
    std::pair{"not_primary", 20},     std::pair{"stale_map", 21},
    std::pair{"stale_term", 22},      std::pair{"busy", 40},
    std::pair{"unavailable", 41},     std::pair{"timeout", 60},
    std::pair{"outcome_unknown", 61}, std::pair{"invalid_argument", 80},
    std::pair{"too_large", 81},       std::pair{"unsupported", 82},
    std::pair{"corrupt", 100},        std::pair{"storage_failed", 101},
    std::pair{"wrong_cluster", 102},  std::pair{"internal", 103},
};

TEST(Error, NamesAndNumbersNeverChange) {
  for (const auto& [name, number] : kNumbers) {
    const auto code = error_code_of(std::string_view(name));
    ASSERT_TRUE(code) << name;
    EXPECT_EQ(std::to_underlying(*code), number) << name;
    EXPECT_EQ(error_code_of(static_cast<std::uint16_t>(number)), *code) << name;
    EXPECT_EQ(to_string(*code), name);
  }
}

TEST(Error, UnknownNumbersAreInternalAndUnknownNamesNone) {
  EXPECT_EQ(error_code_of(std::uint16_t{0}), ErrorCode::internal);
  EXPECT_EQ(error_code_of(std::uint16_t{999}), ErrorCode::internal);
  EXPECT_FALSE(error_code_of(std::string_view("no_such_code")));
}

TEST(Error, ReadsAsASentence) {
  Error error{ErrorCode::busy, Outcome::not_applied, "write stall on n2", {}};
  EXPECT_EQ(error.to_string(), "busy: write stall on n2");
  error.retry_after = std::chrono::milliseconds(50);
  EXPECT_EQ(error.to_string(), "busy: write stall on n2 (retry after 50 ms)");
}

Result<int> half_of(int number) {
  if (number % 2 != 0) return fail(ErrorCode::invalid_argument, "odd");
  return number / 2;
}

Result<std::string> quarter_of(int number) {
  GYRE_TRY_SET(const int half, half_of(number));
  GYRE_TRY(half_of(half));
  return std::to_string(half / 2);
}

TEST(Error, TryPassesTheFirstFailureOn) {
  EXPECT_EQ(quarter_of(8).value(), "2");
  EXPECT_EQ(quarter_of(7).error().message, "odd");
  EXPECT_EQ(quarter_of(6).error().code, ErrorCode::invalid_argument);
}

RC_GTEST_PROP(Version, ReadsWhatItWrites, (std::uint64_t term, std::uint64_t sequence)) {
  const auto parsed = parse_version(to_string(Version{term, sequence}));
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(*parsed == (Version{term, sequence}));
}

TEST(Version, RefusesEverythingElse) {
  for (const char* text : {"", ":", "3", "3:", ":3", "3:4 ", " 3:4", "3:4:5", "-1:2", "3:x", "0x3:4",
                           "18446744073709551616:1", "1:18446744073709551616"}) {
    const auto parsed = parse_version(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument) << text;
  }
}

TEST(Version, OrdersByTermThenSequence) {
  EXPECT_LT((Version{1, 99}), (Version{2, 1}));
  EXPECT_LT((Version{2, 1}), (Version{2, 2}));
}

}  // namespace
}  // namespace gyre
