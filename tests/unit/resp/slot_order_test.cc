#include "resp/slot_order.h"

#include <gtest/gtest.h>

namespace gyre::resp {
namespace {

constexpr Slot kOne{7};
constexpr Slot kOther{8};

TEST(SlotOrder, ReadsRunBesideReads) {
  SlotOrder order;
  order.begin(Effect::read, kOne);
  EXPECT_FALSE(order.must_wait(Effect::read, kOne));
  EXPECT_FALSE(order.must_wait(Effect::read, std::nullopt));
  EXPECT_TRUE(order.must_wait(Effect::write, kOne));
  EXPECT_TRUE(order.must_wait(Effect::update, kOne));
  EXPECT_FALSE(order.must_wait(Effect::update, kOther));
  order.end(Effect::read, kOne);
  EXPECT_FALSE(order.must_wait(Effect::update, kOne));
}

TEST(SlotOrder, EverythingOfTheSlotWaitsForAnUpdate) {
  SlotOrder order;
  order.begin(Effect::update, kOne);
  for (const Effect effect : {Effect::read, Effect::write, Effect::update}) {
    EXPECT_TRUE(order.must_wait(effect, kOne));
    EXPECT_FALSE(order.must_wait(effect, kOther));
    EXPECT_TRUE(order.must_wait(effect, std::nullopt));
  }
  EXPECT_FALSE(order.must_wait(Effect::none, kOne));
}

TEST(SlotOrder, PlainWritesAreOrderedByWhoTakesThem) {
  SlotOrder order;
  order.begin(Effect::write, kOne);
  EXPECT_FALSE(order.must_wait(Effect::read, kOne));
  EXPECT_FALSE(order.must_wait(Effect::write, kOne));
}

TEST(SlotOrder, ACommandOfManySlotsCountsForEveryOne) {
  SlotOrder order;
  order.begin(Effect::read, std::nullopt);
  EXPECT_FALSE(order.must_wait(Effect::read, kOne));
  EXPECT_TRUE(order.must_wait(Effect::update, kOne));
  order.end(Effect::read, std::nullopt);
  order.begin(Effect::update, std::nullopt);
  EXPECT_TRUE(order.must_wait(Effect::read, kOne));
  EXPECT_TRUE(order.must_wait(Effect::read, std::nullopt));
  order.end(Effect::update, std::nullopt);
  EXPECT_FALSE(order.must_wait(Effect::update, kOne));
}

}  // namespace
}  // namespace gyre::resp
