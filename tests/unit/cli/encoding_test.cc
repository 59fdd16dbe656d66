#include "tools/gyre/encoding.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gyre::cli {
namespace {

TEST(Utf8, AcceptsTextOfAllLengths) { EXPECT_TRUE(valid_utf8("a\u00e4\u20ac\U0001F600")); }

TEST(Utf8, RefusesOverlongSurrogateTruncatedAndTooHigh) {
  EXPECT_FALSE(valid_utf8("\xC0\x80"));
  EXPECT_FALSE(valid_utf8("\xE0\x80\x80"));
  EXPECT_FALSE(valid_utf8("\xED\xA0\x80"));
  EXPECT_FALSE(valid_utf8("\xE2\x82"));
  EXPECT_FALSE(valid_utf8("\xF4\x90\x80\x80"));
  EXPECT_FALSE(valid_utf8("\xFF"));
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foo"), "Zm9v");
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
}

TEST(Base64, RefusesWhatNoEncoderWrites) {
  for (const auto* text : {"Zg", "Zg=", "Zg===", "Z===", "Zh==", "Zm9v!AAA", "=Zg="}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

RC_GTEST_PROP(Base64, GivesBackAnyBytes, (const std::string& bytes)) {
  const auto back = base64_decode(base64_encode(bytes));
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == bytes);
}

TEST(Printable, EscapesWhatWouldBreakALine) {
  EXPECT_EQ(printable(std::string_view("a\tb\n\\\xFF\0\u00e4", 9)), "a\\tb\\n\\\\\\xff\\x00\u00e4");
}

}  // namespace
}  // namespace gyre::cli
