#include "tools/gyre/words.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gyre::cli {
namespace {

using Words = std::vector<std::string>;

TEST(SplitWords, SplitsAtBlanks) {
  EXPECT_EQ(*split_words("  put a\tb  "), (Words{"put", "a", "b"}));
  EXPECT_TRUE(split_words("")->empty());
}

TEST(SplitWords, QuotesKeepBlanksAndMayBeEmpty) {
  EXPECT_EQ(*split_words(R"(put 'a b' "c d" '' x"y z"w)"), (Words{"put", "a b", "c d", "", "xy zw"}));
}

TEST(SplitWords, DoubleQuotesKnowEscapes) {
  EXPECT_EQ(*split_words(R"("a\n\t\x41\\\"" '\n' \')"), (Words{"a\n\tA\\\"", "\\n", "'"}));
  EXPECT_EQ(*split_words(R"("\0")"), (Words{std::string(1, '\0')}));
}

TEST(SplitWords, CommentsBeginAWord) { EXPECT_EQ(*split_words("get a#b # rest 'open"), (Words{"get", "a#b"})); }

TEST(SplitWords, SaysWhatIsWrong) {
  EXPECT_FALSE(split_words("'open"));
  EXPECT_FALSE(split_words("\"open"));
  EXPECT_FALSE(split_words("\"\\q\""));
  EXPECT_FALSE(split_words("\"\\x4\""));
  EXPECT_FALSE(split_words("end\\"));
}

RC_GTEST_PROP(SplitWords, AnyBytesPassInHexEscapes, (const std::string& bytes)) {
  std::string line = "\"";
  for (const char c : bytes) {
    constexpr std::string_view kHex = "0123456789abcdef";
    line += "\\x";
    line += kHex[static_cast<unsigned char>(c) >> 4];
    line += kHex[static_cast<unsigned char>(c) & 15];
  }
  line += '"';
  RC_ASSERT(*split_words(line) == Words{bytes});
}

}  // namespace
}  // namespace gyre::cli
