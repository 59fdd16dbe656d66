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

}  // namespace
}  // namespace gyre::cli
