#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tidy/fixture.h"
#include "tools/tidy/rules.h"

namespace gyre::tidy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Includes, AHeaderHasWhatItNames) {
  EXPECT_THAT(places(check_includes(tree_of({{"src/a.h", "#pragma once\nstd::vector<int> a;\n"}}))),
              ElementsAre("src/a.h:2 include"));
  EXPECT_THAT(places(check_includes(tree_of({{"src/a.h", "#include <vector>\nstd::vector<int> a;\n"}}))), IsEmpty());
  EXPECT_THAT(places(check_includes(tree_of({{"src/a.h", "// std::vector\nint vector; other::vector b;\n"}}))),
              IsEmpty());
}

TEST(Includes, SaysEachHeaderOnce) {
  EXPECT_THAT(places(check_includes(tree_of({{"src/a.h", "std::uint8_t a;\nstd::map<int, std::uint16_t> b;\n"}}))),
              ElementsAre("src/a.h:1 include", "src/a.h:2 include"));
}

TEST(Includes, ComeByHeadersOfOursAsWell) {
  const auto tree = tree_of({{"src/base/a.h", "#include <map>\n"},
                             {"src/base/b.h", "#include \"base/a.h\"\n"},
                             {"src/c.h", "#include \"base/b.h\"\nstd::map<int, std::pair<int, int>> a;\n"},
                             {"src/d.h", "#include \"base/c.h\"\nstd::map<int, int> a;\n"}});
  EXPECT_THAT(places(check_includes(tree)), ElementsAre("src/d.h:2 include"));
}

TEST(Includes, WhatIsQualifiedWithAFolderIsDeclaredThere) {
  const auto tree = tree_of({{"src/ring/slot.h", "\n"},
                             {"src/wire/a.h", "#include \"ring/slot.h\"\nring::Slot a;\nmessages::Get b;\n"},
                             {"src/wire/b.h", "wire::Frame a;  // ring::Slot\nint b = a ? net : node;\n"}});
  EXPECT_THAT(places(check_includes(tree)), ElementsAre("src/wire/a.h:3 include"));
}

TEST(Includes, SourcesAndTestsAreTheCompilersMatter) {
  EXPECT_THAT(
      places(check_includes(tree_of({{"src/a.cc", "std::map<int, int> a;\n"}, {"tests/a.h", "std::set<int> a;\n"}}))),
      IsEmpty());
}

}  // namespace
}  // namespace gyre::tidy
