#include "ring/slot.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gyre::ring {
namespace {

TEST(Crc16, MatchesPublishedVectors) {
  EXPECT_EQ(crc16("123456789"), 0x31C3);  // the check value of CRC-16/XMODEM; also in the Redis Cluster specification
  EXPECT_EQ(crc16("A"), 0x58E5);
  EXPECT_EQ(crc16(""), 0);
}

RC_GTEST_PROP(Crc16, EqualsPolynomialDivisionBitByBit, (const std::string& bytes)) {
  std::uint32_t crc = 0;
  for (const char c : bytes) {
    crc ^= static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = ((crc << 1) ^ ((crc & 0x8000) ? 0x1021 : 0)) & 0xffff;
  }
  RC_ASSERT(crc16(bytes) == crc);
}

TEST(SlotOf, AgreesWithRedisCluster) {  // CLUSTER KEYSLOT of Redis 7
  EXPECT_EQ(slot_of("foo"), Slot(12182));
  EXPECT_EQ(slot_of("bar"), Slot(5061));
  EXPECT_EQ(slot_of("hello"), Slot(866));
  EXPECT_EQ(slot_of("123456789"), Slot(12739));
  EXPECT_EQ(slot_of(""), Slot(0));
}

TEST(HashTag, IsWhatStandsBetweenTheFirstBraces) {
  EXPECT_EQ(hash_tag("{user1000}.following"), "user1000");
  EXPECT_EQ(hash_tag("{user1000}.followers"), "user1000");
  EXPECT_EQ(hash_tag("foo{bar}{zap}"), "bar");
  EXPECT_EQ(hash_tag("foo{{bar}}zap"), "{bar");
  EXPECT_EQ(hash_tag("}{a}"), "a");
}

TEST(HashTag, IsTheWholeKeyWhereThereIsNoTagOrAnEmptyOne) {
  for (const char* key : {"", "foo", "{}", "foo{}{bar}", "{}{x}", "foo{bar", "foo}bar{", "{"}) {
    EXPECT_EQ(hash_tag(key), key);
  }
}

TEST(SlotOf, PutsKeysWithOneTagTogether) {
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("user1000"));
  EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
  EXPECT_NE(slot_of("foo{}{bar}"), slot_of("bar"));
}

TEST(SlotOf, TakesAnyBytes) {
  const std::string zeros(3, '\0');
  EXPECT_EQ(slot_of(zeros), Slot(0));
  EXPECT_EQ(slot_of(std::string("{\0}x", 4)), slot_of(std::string(1, '\0')));
}

TEST(Partitioning, AcceptsPowersOfTwoUpToTheNumberOfSlots) {
  for (std::uint32_t count = 1; count <= limits::kSlots; count *= 2) EXPECT_TRUE(Partitioning::valid(count));
  for (const std::uint32_t count : {0u, 3u, 100u, 32768u}) EXPECT_FALSE(Partitioning::valid(count));
}

TEST(Partitioning, CutsTheSlotsIntoEqualRangesWithoutGapOrOverlap) {
  for (std::uint32_t count = 1; count <= limits::kSlots; count *= 2) {
    const Partitioning partitioning(count);
    ASSERT_EQ(partitioning.count(), count);
    std::uint32_t next = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const PartitionId partition(static_cast<std::uint16_t>(i));
      const SlotRange range = partitioning.slots(partition);
      ASSERT_EQ(range.first, next);
      ASSERT_EQ(range.end - range.first, limits::kSlots / count);
      ASSERT_EQ(partitioning.of(Slot(static_cast<std::uint16_t>(range.first))), partition);
      ASSERT_EQ(partitioning.of(Slot(static_cast<std::uint16_t>(range.end - 1))), partition);
      next = range.end;
    }
    ASSERT_EQ(next, limits::kSlots);
  }
}

}  // namespace
}  // namespace gyre::ring
