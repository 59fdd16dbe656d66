#include "tools/gyre/canvas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using testing::ElementsAre;

TEST(Canvas, GivesLinesWithoutBlanksAtTheEnd) {
  Canvas canvas(10, 3);
  EXPECT_EQ(canvas.put(canvas.whole(), 0, 2, "abc"), 5u);
  EXPECT_THAT(canvas.lines(false), ElementsAre("  abc", "", ""));
}

TEST(Canvas, CutsOffWhatIsBeyondItsEdges) {
  Canvas canvas(4, 2);
  canvas.put(canvas.whole(), 0, 2, "abc");
  canvas.put(canvas.whole(), 7, 0, "gone");
  EXPECT_THAT(canvas.lines(false), ElementsAre("  ab", ""));
}

TEST(Canvas, CutsOffWhatIsBeyondAnArea) {
  Canvas canvas(10, 2);
  const Area area{.row = 1, .column = 3, .rows = 1, .columns = 2};
  canvas.put(area, 0, 0, "abc");
  canvas.put(area, 1, 0, "below");
  EXPECT_THAT(canvas.lines(false), ElementsAre("", "   ab"));
}

TEST(Canvas, CountsCharactersNotBytes) {
  Canvas canvas(4, 1);
  EXPECT_EQ(canvas.put(canvas.whole(), 0, 0, "äö──x"), 5u);
  EXPECT_THAT(canvas.lines(false), ElementsAre("äö──"));
  EXPECT_EQ(width_of("äö─"), 3u);
}

TEST(Canvas, ShowsWhatIsNotPrintableAsAQuestionMark) {
  Canvas canvas(8, 1);
  canvas.put(canvas.whole(), 0, 0, "a\nb\x1b\xff\xc3");
  EXPECT_THAT(canvas.lines(false), ElementsAre("a?b???"));
}

TEST(Canvas, ColoursOnlyWhereAskedTo) {
  Canvas canvas(6, 1);
  canvas.put(canvas.whole(), 0, 0, "ab", {.ink = 77, .bold = true});
  canvas.put(canvas.whole(), 0, 2, "c");
  EXPECT_THAT(canvas.lines(true), ElementsAre("\033[0;1;38;5;77mab\033[0mc"));
  EXPECT_THAT(canvas.lines(false), ElementsAre("abc"));
}

TEST(Canvas, KeepsColouredBlanks) {
  Canvas canvas(3, 1);
  canvas.put(canvas.whole(), 0, 0, "  ", {.ground = 39});
  EXPECT_THAT(canvas.lines(true), ElementsAre("\033[0;48;5;39m  \033[0m"));
}

TEST(Canvas, MayBeTiny) {
  EXPECT_EQ(Canvas(0, 0).lines(false).size(), 1u);
  EXPECT_EQ(Area({0, 0, 2, 2}).below(5).rows, 0u);
}

}  // namespace
}  // namespace gyre::cli
