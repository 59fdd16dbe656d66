#include "tools/tidy/allow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tidy/fixture.h"

namespace gyre::tidy {
namespace {

using testing::ElementsAre;

TEST(AllowList, SkipsCommentsAndEmptyLines) {
  const auto list = parse_allow_list("# why\n\nsize src/a.cc generated table\n");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 1u);
  EXPECT_EQ(list->front().rule, "size");
  EXPECT_EQ(list->front().path, "src/a.cc");
  EXPECT_EQ(list->front().line, 3u);
}

TEST(AllowList, WantsAReason) {
  const auto list = parse_allow_list("size src/a.cc\n");
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().code, ErrorCode::invalid_argument);
}

TEST(AllowList, TakesAwayWhatItCoversAndNothingElse) {
  const auto list = parse_allow_list("size src/a.cc reason\nwidth tests/ reason\n");
  ASSERT_TRUE(list);
  const std::vector<Finding> found = {{"src/a.cc", 0, "size", ""},
                                      {"src/a.cc", 3, "width", ""},
                                      {"src/b.cc", 0, "size", ""},
                                      {"tests/unit/a.cc", 7, "width", ""}};
  EXPECT_THAT(places(apply_allow_list(*list, found, "list")), ElementsAre("src/a.cc:3 width", "src/b.cc:0 size"));
}

TEST(AllowList, ReportsAnExceptionNobodyNeeds) {
  const auto list = parse_allow_list("size src/a.cc reason\n");
  ASSERT_TRUE(list);
  EXPECT_THAT(places(apply_allow_list(*list, {}, "list")), ElementsAre("list:1 allow-list"));
}

}  // namespace
}  // namespace gyre::tidy
