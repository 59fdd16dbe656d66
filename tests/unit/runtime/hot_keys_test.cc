#include "runtime/hot_keys.h"

#include <algorithm>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gyre::runtime {
namespace {

TEST(HotKeys, CountsFewKeysExactly) {
  HotKeys keys(4);
  for (int i = 0; i < 3; ++i) keys.add("a", 1);
  keys.add("b", 5);
  const auto top = keys.top(10);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].key, "b");
  EXPECT_EQ(top[0].count, 5u);
  EXPECT_EQ(top[0].error, 0u);
  EXPECT_EQ(top[1].key, "a");
  EXPECT_EQ(top[1].count, 3u);
}

TEST(HotKeys, TheLeastMakesRoomAndItsCountBecomesTheError) {
  HotKeys keys(2);
  keys.add("a", 7);
  keys.add("b", 2);
  keys.add("c", 1);
  const auto top = keys.top(10);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[1].key, "c");
  EXPECT_EQ(top[1].count, 3u);
  EXPECT_EQ(top[1].error, 2u);
}

TEST(HotKeys, GivesAtMostSoManyAndEqualOnesByKey) {
  HotKeys keys(4);
  for (const char* key : {"d", "b", "c", "a"}) keys.add(key, 1);
  const auto top = keys.top(3);
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[0].key, "a");
  EXPECT_EQ(top[2].key, "c");
}

TEST(HotKeys, AKeyWithMoreThanItsShareIsAlwaysThere) {
  constexpr std::size_t kCounters = 32;
  HotKeys keys(kCounters);
  Rng rng(5);
  std::map<std::string, std::uint32_t> exact;
  for (int i = 0; i < 50'000; ++i) {
    // A few hot ones in a sea of others.
    const bool hot = rng.chance(0.3);
    const std::string key = hot ? "hot-" + std::to_string(rng.below(4)) : std::to_string(rng.below(100'000));
    ++exact[key];
    keys.add(key, 1);
  }
  const auto top = keys.top(kCounters);
  for (const auto& [key, count] : exact) {
    if (count <= 50'000 / kCounters) continue;
    const auto found = std::ranges::find(top, key, &HotKeys::Key::key);
    ASSERT_NE(found, top.end()) << key;
    EXPECT_GE(found->count, count);
    EXPECT_LE(found->count - found->error, count);
  }
}

TEST(HotKeys, HalvesAndForgets) {
  HotKeys keys(3);
  keys.add("a", 9);
  keys.add("b", 1);
  keys.decay();
  auto top = keys.top(10);
  ASSERT_EQ(top.size(), 1u);
  EXPECT_EQ(top[0].count, 4u);
  keys.add("c", 2);
  keys.add("d", 3);
  keys.add("e", 1);
  top = keys.top(10);
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[2].key, "e");
  EXPECT_EQ(top[2].count, 3u);
}

TEST(HotKeys, LongAndShortKeysTakeEachOthersPlace) {
  HotKeys keys(2);
  const std::string large(16 * 1024, 'k');
  for (int i = 0; i < 100; ++i) {
    keys.add(large + std::to_string(i), 1);
    keys.add("s" + std::to_string(i), 1);
  }
  for (const auto& key : keys.top(2)) keys.add(key.key, 1000);
  EXPECT_GE(keys.top(2)[1].count, 1000u) << "both are found by name";
}

}  // namespace
}  // namespace gyre::runtime
