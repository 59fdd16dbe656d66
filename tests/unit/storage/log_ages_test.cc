#include "storage/log_ages.h"

#include <gtest/gtest.h>

namespace gyre::storage {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLife = 60s;

Instant at(Duration since_boot) { return Instant(since_boot); }

TEST(LogAges, KnowsOfNothingAtFirst) {
  const LogAges ages(kLife);
  EXPECT_EQ(ages.old_through(at(1000h)), 0u);
}

TEST(LogAges, AFileIsOldOnceItHasBeenCompleteForItsLife) {
  LogAges ages(kLife);
  EXPECT_TRUE(ages.note(7, at(100s)));
  EXPECT_TRUE(ages.note(9, at(130s)));
  EXPECT_EQ(ages.old_through(at(160s - 1ns)), 0u);
  EXPECT_EQ(ages.old_through(at(160s)), 7u);
  EXPECT_EQ(ages.old_through(at(190s)), 9u);
}

TEST(LogAges, WhatIsCompleteDoesNotGetYounger) {
  LogAges ages(kLife);
  ages.note(7, at(100s));
  EXPECT_FALSE(ages.note(7, at(150s)));
  EXPECT_FALSE(ages.note(6, at(150s)));
  EXPECT_EQ(ages.old_through(at(160s)), 7u);
}

TEST(LogAges, KeepsOfThoseThatAreOldTheNewest) {
  LogAges ages(kLife);
  for (int i = 1; i <= 1000; ++i) ages.note(static_cast<std::uint64_t>(i), at(i * 1s));
  EXPECT_EQ(ages.old_through(at(1000s)), 940u);
  EXPECT_LT(ages.encode("b").size(), 2000u);
}

TEST(LogAges, AreHandedDownWithinABoot) {
  LogAges before(kLife);
  before.note(7, at(100s));
  before.note(9, at(130s));
  LogAges after(kLife);
  after.recall(before.encode("boot-1"), "boot-1");
  EXPECT_EQ(after.old_through(at(160s)), 7u);
  EXPECT_EQ(after.old_through(at(190s)), 9u);
  EXPECT_EQ(after.encode("boot-1"), before.encode("boot-1"));
}

TEST(LogAges, OfAnotherBootSayNothing) {
  LogAges before(kLife);
  before.note(7, at(100s));
  LogAges after(kLife);
  after.recall(before.encode("boot-1"), "boot-2");
  EXPECT_EQ(after.old_through(at(1000h)), 0u);
}

TEST(LogAges, ThatAreDamagedSayNothing) {
  LogAges before(kLife);
  before.note(7, at(100s));
  const std::string text = before.encode("boot-1");
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] ^= 1;
    LogAges after(kLife);
    after.recall(damaged, "boot-1");
    EXPECT_EQ(after.old_through(at(1000h)), 0u) << "byte " << i;
    LogAges cut(kLife);
    cut.recall(text.substr(0, i), "boot-1");
    EXPECT_EQ(cut.old_through(at(1000h)), 0u) << "cut at " << i;
  }
}

}  // namespace
}  // namespace gyre::storage
