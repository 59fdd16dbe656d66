#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tidy/fixture.h"
#include "tools/tidy/rules.h"

namespace gyre::tidy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Of one rule only.
std::vector<std::string> places_of(std::string_view rule, const Tree& tree) {
  auto found = check_structure(tree);
  std::erase_if(found, [&](const Finding& f) { return f.rule != rule; });
  return places(found);
}

TEST(OrphanSource, IsOneThatNoListNames) {
  EXPECT_THAT(places_of("orphan-source", tree_of({{"src/ring/CMakeLists.txt", "gyre_library(x SOURCES slot.cc)\n"},
                                                  {"src/ring/slot.cc", ""},
                                                  {"src/ring/ot.cc", ""},
                                                  {"src/ring/lot.h", ""}})),
              ElementsAre("src/ring/ot.cc:0 orphan-source"));
}

TEST(OrphanSource, IsNotOneInAComment) {
  EXPECT_THAT(
      places_of("orphan-source", tree_of({{"src/ring/CMakeLists.txt", "# slot.cc\n"}, {"src/ring/slot.cc", ""}})),
      ElementsAre("src/ring/slot.cc:0 orphan-source"));
}

TEST(OrphanSource, MayBeNamedFromAboveByStemOrByGlob) {
  EXPECT_THAT(places_of("orphan-source", tree_of({{"client/CMakeLists.txt", "add_library(x src/a.cc)\n"},
                                                  {"client/src/a.cc", ""},
                                                  {"tests/fuzz/CMakeLists.txt", "foreach(t codec framing)\n"},
                                                  {"tests/fuzz/codec.cc", ""},
                                                  {"tests/x/CMakeLists.txt", "file(GLOB s ${here}/*_bench.cc)\n"},
                                                  {"tests/x/any.cc", ""},
                                                  {"tests/x/any_bench.cc", ""}})),
              ElementsAre("tests/x/any.cc:0 orphan-source"));
}

TEST(OrphanTest, IsOneWithoutASourceToMirror) {
  EXPECT_THAT(places_of("orphan-test", tree_of({{"src/ring/slot.h", ""},
                                                {"client/retry.cc", ""},
                                                {"tests/unit/ring/slot_test.cc", ""},
                                                {"tests/unit/ring/slot_vectors_test.cc", ""},
                                                {"tests/unit/ring/gone_test.cc", ""},
                                                {"tests/unit/client/retry_test.cc", ""},
                                                {"tests/unit/wire/slot_test.cc", ""}})),
              ElementsAre("tests/unit/ring/gone_test.cc:0 orphan-test", "tests/unit/wire/slot_test.cc:0 orphan-test"));
}

TEST(Readme, IsRequiredAndShort) {
  EXPECT_THAT(places_of("readme", tree_of({{"src/README.md", lines_of(90)},
                                           {"src/ring/README.md", lines_of(20)},
                                           {"src/wire/README.md", lines_of(21)},
                                           {"src/net/loop.h", ""}})),
              ElementsAre("src/net:0 readme", "src/wire/README.md:0 readme"));
}

}  // namespace
}  // namespace gyre::tidy
