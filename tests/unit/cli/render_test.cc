#include "tools/gyre/render.h"

#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

TEST(Render, ValueIsAStringWhereItIsText) {
  EXPECT_EQ(to_json("k", Value{"v", {3, 7}, 1500ms}).dump(),
            R"({"key":"k","value":"v","version":"3:7","ttl_ms":1500})");
}

TEST(Render, BinaryIsBase64AndNoExpiryIsNull) {
  EXPECT_EQ(to_json("\xFF", Value{"\xFE", {1, 1}, std::nullopt}).dump(),
            R"({"key_b64":"/w==","value_b64":"/g==","version":"1:1","ttl_ms":null})");
}

TEST(Render, ErrorSaysWhetherItsOutcomeIsKnown) {
  const auto known = to_json(Error{ErrorCode::busy, Outcome::not_applied, "stall", 50ms});
  EXPECT_EQ(known.dump(), R"({"code":"busy","message":"stall","outcome":"not_applied","retry_after_ms":50})");
  const auto unknown = to_json(Error{ErrorCode::timeout, Outcome::unknown, "late", {}});
  EXPECT_EQ(unknown["outcome"], "unknown");
}

TEST(Render, NumbersArePrintedForPeople) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1000), "1,000");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
  EXPECT_EQ(human_bytes(512), "512 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
}

TEST(ShortNumber, KeepsWhatMatters) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(999), "999");
  EXPECT_EQ(short_number(1234), "1.2k");
  EXPECT_EQ(short_number(12'345), "12.3k");
  EXPECT_EQ(short_number(123'456), "123k");
  EXPECT_EQ(short_number(4'100'000), "4.1M");
}

TEST(HumanDuration, ShowsTwoUnitsAtMost) {
  using std::chrono::milliseconds;
  EXPECT_EQ(human_duration(milliseconds(350)), "350 ms");
  EXPECT_EQ(human_duration(milliseconds(21'400)), "21 s");
  EXPECT_EQ(human_duration(milliseconds(200'000)), "3 min 20 s");
  EXPECT_EQ(human_duration(milliseconds(300'000)), "5 min");
  EXPECT_EQ(human_duration(milliseconds(7'500'000)), "2 h 5 min");
}

TEST(Counted, KnowsOneAndMany) {
  EXPECT_EQ(counted(1, "copy", "copies"), "1 copy");
  EXPECT_EQ(counted(1200, "copy", "copies"), "1,200 copies");
}

}  // namespace
}  // namespace gyre::cli
