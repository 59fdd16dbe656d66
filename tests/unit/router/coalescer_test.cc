#include "router/coalescer.h"

#include <gtest/gtest.h>

namespace gyre::router {
namespace {

using namespace std::chrono_literals;
using messages::GetRequest;
using messages::ReadLevel;

constexpr Instant kNow{1h};

GetRequest get(std::string_view key, ReadLevel level = ReadLevel::primary) {
  return {Bytes::copy_of(key), true, {level, {}, {}}};
}

std::size_t readers(const std::optional<Coalescer::Group>& group) { return group ? group->readers.size() : 0; }

TEST(Coalescer, FewReadsGoOutAtOnce) {
  Coalescer coalescer;
  for (std::size_t i = 0; i < Coalescer::kOpenMax; ++i) {
    EXPECT_EQ(readers(coalescer.on_read(get("k"), {nullptr, RequestId(i)}, kNow)), 1U);
  }
  EXPECT_EQ(readers(coalescer.on_read(get("other"), {nullptr, RequestId(9)}, kNow)), 1U);
}

TEST(Coalescer, ManyWaitAndGoOutAsOne) {
  Coalescer coalescer;
  for (std::size_t i = 0; i < Coalescer::kOpenMax; ++i) coalescer.on_read(get("k"), {nullptr, RequestId(i)}, kNow);
  for (std::uint64_t i = 10; i < 15; ++i) {
    EXPECT_FALSE(coalescer.on_read(get("k"), {nullptr, RequestId(i)}, kNow + 1s - i * 1ms));
  }
  const auto group = coalescer.on_answered(get("k"));
  ASSERT_EQ(readers(group), 5U);
  EXPECT_EQ(group->readers[0].id, RequestId(10));
  EXPECT_EQ(group->deadline, kNow + 1s - 10ms) << "the latest";
  EXPECT_EQ(coalescer.joined(), 5U);
  EXPECT_FALSE(coalescer.on_read(get("k"), {nullptr, RequestId(20)}, kNow)) << "two are open still";
  EXPECT_EQ(readers(coalescer.on_answered(get("k"))), 1U);
  EXPECT_FALSE(coalescer.on_answered(get("k")));
  EXPECT_FALSE(coalescer.on_answered(get("k")));
  EXPECT_TRUE(coalescer.on_read(get("k"), {nullptr, RequestId(30)}, kNow)) << "all is forgotten";
}

TEST(Coalescer, ReadsOfAnotherKindAreNotJoined) {
  Coalescer coalescer;
  for (std::size_t i = 0; i < Coalescer::kOpenMax; ++i) coalescer.on_read(get("k"), {nullptr, RequestId(i)}, kNow);
  EXPECT_TRUE(coalescer.on_read(get("k", ReadLevel::any), {nullptr, RequestId(7)}, kNow));
  GetRequest without_value = get("k");
  without_value.value_wanted = false;
  EXPECT_TRUE(coalescer.on_read(without_value, {nullptr, RequestId(8)}, kNow));
}

TEST(Coalescer, SoManyOfAKeyWaitAtMost) {
  Coalescer coalescer;
  for (std::size_t i = 0; i < Coalescer::kOpenMax + Coalescer::kWaitingMax; ++i) {
    EXPECT_TRUE(coalescer.has_room(get("k")));
    coalescer.on_read(get("k"), {nullptr, RequestId(i)}, kNow);
  }
  EXPECT_FALSE(coalescer.has_room(get("k")));
  EXPECT_TRUE(coalescer.has_room(get("other")));
}

}  // namespace
}  // namespace gyre::router
