#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tidy/fixture.h"
#include "tools/tidy/rules.h"

namespace gyre::tidy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> places_in(std::string path, std::string text) {
  return places(check_text(tree_of({{std::move(path), std::move(text)}})));
}

TEST(Space, RefusesTabsTrailingSpaceAndAMissingLineEnd) {
  EXPECT_THAT(places_in("src/a.cc", "a\tb\nc \nd"),
              ElementsAre("src/a.cc:1 space", "src/a.cc:2 space", "src/a.cc:3 space"));
  EXPECT_THAT(places_in("src/a.cc", "int a;\n"), IsEmpty());
  EXPECT_THAT(places_in("tests/data.tsv", "a\tb"), IsEmpty());
}

TEST(Unfinished, FindsWordsThatSaySo) {
  EXPECT_THAT(places_in("src/a.cc", "// TODO: later\n"), ElementsAre("src/a.cc:1 unfinished"));
  EXPECT_THAT(places_in("tools/dev", "# good enough for now\n"), ElementsAre("tools/dev:1 unfinished"));
  EXPECT_THAT(places_in("src/a.cc", "mkstemp(\"aXXXXXX\"); waits for nowhere\n"), IsEmpty());
}

TEST(PrivatePath, FindsDirectoriesOfOneMachine) {
  EXPECT_THAT(places_in("README.md", "cd /home/me/x\n"), ElementsAre("README.md:1 private-path"));
  EXPECT_THAT(places_in("README.md", "see net/work/here, /tmp/x\n"), IsEmpty());
}

TEST(Sleep, IsFoundInCodeButNotInCommentsOrTools) {
  EXPECT_THAT(places_in("tests/a.cc", "std::this_thread::sleep_for(1s);\n"), ElementsAre("tests/a.cc:1 sleep"));
  EXPECT_THAT(places_in("src/a.cc", "// never sleep(1)\nsleep_deadline();\n"), IsEmpty());
  EXPECT_THAT(places_in("tools/gyre/a.cc", "usleep(5);\n"), IsEmpty());
}

TEST(PragmaOnce, IsRequiredOfHeadersOnly) {
  EXPECT_THAT(places_in("src/a.h", "int a;\n"), ElementsAre("src/a.h:0 pragma-once"));
  EXPECT_THAT(places_in("src/a.h", "// A.\n#pragma once\n"), IsEmpty());
  EXPECT_THAT(places_in("src/a.cc", "int a;\n"), IsEmpty());
}

}  // namespace
}  // namespace gyre::tidy
