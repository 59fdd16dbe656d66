#include "routing/call_table.h"

#include <gtest/gtest.h>

namespace gyre::routing {
namespace {

PendingCall call(std::uint64_t id) { return {.id = CallId(id), .body = messages::GetRequest{}, .deadline = {}}; }

TEST(CallTable, FindsACallByTheIdOfItsOpenAttemptOnly) {
  CallTable table;
  const CallSlot a = table.add(call(1));
  const CallSlot b = table.add(call(2));
  const RequestId first = table.open_attempt(a);
  const RequestId other = table.open_attempt(b);
  EXPECT_EQ(table.find(first), a);
  EXPECT_EQ(table.find(other), b);
  const RequestId second = table.open_attempt(a);
  EXPECT_EQ(table.find(first), std::nullopt);
  EXPECT_EQ(table.find(second), a);
  EXPECT_EQ(table.find(table.foreign_id()), std::nullopt);
  EXPECT_EQ(table.find(RequestId()), std::nullopt);
  EXPECT_EQ(table.find(RequestId(~std::uint64_t{0})), std::nullopt);
}

TEST(CallTable, AnAnswerToAnEndedCallDoesNotReachTheNextOneInItsSlot) {
  CallTable table;
  const CallSlot a = table.add(call(1));
  const RequestId old = table.open_attempt(a);
  table.remove(a);
  EXPECT_EQ(table.size(), 0U);
  ASSERT_EQ(table.add(call(2)), a);
  EXPECT_EQ(table.find(old), std::nullopt);
  table.open_attempt(a);
  EXPECT_EQ(table.find(old), std::nullopt);
}

}  // namespace
}  // namespace gyre::routing
