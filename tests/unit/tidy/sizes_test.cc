#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tidy/fixture.h"
#include "tools/tidy/rules.h"

namespace gyre::tidy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string function_of(std::size_t lines) { return "void f() {\n" + lines_of(lines - 2) + "}\n"; }

TEST(FileSize, DependsOnTheKindOfFile) {
  EXPECT_THAT(places(check_sizes(
                  tree_of({{"src/a.cc", lines_of(600)}, {"src/a.h", lines_of(300)}, {"tests/a.cc", lines_of(900)}}))),
              IsEmpty());
  EXPECT_THAT(places(check_sizes(
                  tree_of({{"src/a.cc", lines_of(601)}, {"src/a.h", lines_of(301)}, {"tests/a.cc", lines_of(901)}}))),
              ElementsAre("src/a.cc:0 size", "src/a.h:0 size", "tests/a.cc:0 size"));
}

TEST(FunctionSize, IsBounded) {
  EXPECT_THAT(places(check_sizes(tree_of({{"src/a.cc", function_of(70)}}))), IsEmpty());
  EXPECT_THAT(places(check_sizes(tree_of({{"src/a.cc", "\n" + function_of(71)}}))), ElementsAre("src/a.cc:2 size"));
}

TEST(Width, CountsCharacters) {
  std::string accents;
  for (int i = 0; i < 118; ++i) accents += "\u00e9";
  EXPECT_THAT(places(check_sizes(tree_of({{"src/a.cc", "//" + accents + "\n"}}))), IsEmpty());
  EXPECT_THAT(places(check_sizes(tree_of({{"src/a.cc", "// " + accents + "\n"}}))), ElementsAre("src/a.cc:1 width"));
}

TEST(Width, SparesTableRowsOfPages) {
  const std::string row = "| " + std::string(200, 'x') + " |\n";
  EXPECT_THAT(places(check_sizes(tree_of({{"README.md", row}, {"src/a.cc", row}}))), ElementsAre("src/a.cc:1 width"));
}

}  // namespace
}  // namespace gyre::tidy
