#include "tools/gyre/event_text.h"

#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

TEST(ToneOfEvent, LetsStandOutWhatOperatorsShouldNotice) {
  EXPECT_EQ(tone_of_event("lost_writes"), Tone::bad);
  EXPECT_EQ(tone_of_event("storage_failed"), Tone::bad);
  EXPECT_EQ(tone_of_event("suspected"), Tone::warning);
  EXPECT_EQ(tone_of_event("promoted"), Tone::good);
  EXPECT_EQ(tone_of_event("something_new"), Tone::plain);
}

TEST(ClockText, HasMilliseconds) {
  const std::string text = clock_text(UnixMillis{1'700'000'000'007});
  EXPECT_EQ(text.size(), 12u);
  EXPECT_EQ(text.substr(8), ".007");
}

}  // namespace
}  // namespace gyre::cli
