#include "tools/gyre/progress.h"

#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

TEST(ProgressText, ShowsBarRateAndTimeLeft) {
  EXPECT_EQ(progress_text({.records = 1000, .bytes = 1048576, .bytes_total = 4194304, .elapsed = 2s}),
            "[==>       ]  25%  ETA 0:06  1,000 records  1.0 MiB  500/s  512.0 KiB/s");
}

TEST(BarOf, IsFullOnlyAtTheEnd) {
  EXPECT_EQ(bar_of(0, 4), "[>   ]");
  EXPECT_EQ(bar_of(0.5, 4), "[==> ]");
  EXPECT_EQ(bar_of(1, 4), "[====]");
  EXPECT_EQ(bar_of(7, 4), "[====]");
}

TEST(ProgressText, WithoutATotalThereIsNoBar) {
  EXPECT_EQ(progress_text({.records = 10, .bytes = 100, .bytes_total = {}, .elapsed = 1s}),
            "10 records  100 B  10/s  100 B/s");
}

TEST(ProgressText, AResumedRunCountsWhatWasDoneBeforeForTheBarAlone) {
  const auto text = progress_text({.records = 0, .bytes = 0, .bytes_before = 50, .bytes_total = 100, .elapsed = 0s});
  EXPECT_EQ(text.substr(0, 18), "[=====>    ]  50% ");
  EXPECT_NE(text.find("  0/s  "), std::string::npos);
}

TEST(ProgressText, FitsATerminalOf80Columns) {
  const auto text = progress_text({.records = 1'234'567, .bytes = 900'000, .bytes_total = 1'000'000, .elapsed = 1000s});
  EXPECT_LT(text.size(), 80U) << text;
}

}  // namespace
}  // namespace gyre::cli
