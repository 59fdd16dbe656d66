#include "client/cursor.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gyre::client {
namespace {

RC_GTEST_PROP(Cursor, ReadsWhatItWrote, (std::uint16_t partition, const std::string& after)) {
  const Cursor cursor{PartitionId(static_cast<std::uint16_t>(partition % 16384)), after};
  const auto parsed = parse_cursor(to_string(cursor));
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(parsed->partition == cursor.partition);
  RC_ASSERT(parsed->after == cursor.after);
}

TEST(Cursor, NoTextIsTheBeginning) {
  const auto cursor = parse_cursor("");
  ASSERT_TRUE(cursor);
  EXPECT_EQ(cursor->partition, PartitionId(0));
  EXPECT_TRUE(cursor->after.empty());
}

TEST(Cursor, RefusesWhatIsNone) {
  for (const char* text : {"x", "-", "1", "-00", "1-0", "1-0g", "1-+1", "16384-", "99999-00", "1 -00"}) {
    const auto cursor = parse_cursor(text);
    ASSERT_FALSE(cursor) << text;
    EXPECT_EQ(cursor.error().code, ErrorCode::invalid_argument);
  }
}

}  // namespace
}  // namespace gyre::client
