#include "replication/waits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/replication/support.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using messages::kAckAll;
using messages::kAckOne;
using testing::ElementsAre;
using testing::IsEmpty;

Waits::Answer answer(std::uint64_t ticket, std::uint64_t after, Instant deadline = kNever) {
  return {.after = Sequence(after), .effect = WriteDone{Ticket(ticket), {}}, .deadline = deadline};
}

std::vector<std::uint64_t> tickets(const std::vector<Waits::Answer>& answers) {
  std::vector<std::uint64_t> tickets;
  for (const auto& taken : answers) tickets.push_back(std::get<WriteDone>(taken.effect).ticket.value());
  return tickets;
}

TEST(Waits, GivesWhatWaitsForNothingMoreInOrder) {
  Waits waits;
  waits.add(kAckOne, answer(1, 5));
  waits.add(kAckOne, answer(2, 7));
  waits.add(kAckOne, answer(3, 5));
  waits.add(kAckAll, answer(4, 5));
  EXPECT_THAT(tickets(waits.take_through(kAckOne, Sequence(6))), ElementsAre(1, 3));
  EXPECT_THAT(tickets(waits.take_after(Sequence(5))), ElementsAre(2));
  EXPECT_THAT(tickets(waits.take_all(kAckAll)), ElementsAre(4));
  EXPECT_TRUE(waits.empty());
}

TEST(Waits, GivesWhatIsOverdueWhateverItWaitsFor) {
  Waits waits;
  waits.add(kAckAll, answer(1, 5, kStart + 2s));
  waits.add(kAckAll, answer(2, 6, kStart + 1s));
  waits.add(kAckAll, answer(3, 7));
  waits.add(kAckOne, answer(4, 8, kStart + 1s));
  EXPECT_THAT(waits.take_overdue(kStart), IsEmpty());
  EXPECT_THAT(tickets(waits.take_overdue(kStart + 1s)), ElementsAre(4, 2));
  EXPECT_THAT(waits.take_overdue(kStart + 1s), IsEmpty());
  EXPECT_THAT(tickets(waits.take_overdue(kStart + 1h)), ElementsAre(1));
  EXPECT_THAT(tickets(waits.take_through(kAckAll, Sequence(7))), ElementsAre(3));
}

TEST(Waits, WhatWasTakenIsNotOverdueLater) {
  Waits waits;
  waits.add(kAckOne, answer(1, 1, kStart));
  waits.add(kAckOne, answer(2, 2, kStart));
  waits.add(kAckAll, answer(3, 3, kStart));
  waits.take_through(kAckOne, Sequence(1));
  waits.take_after(Sequence(2));
  waits.take_all(kAckOne);
  EXPECT_THAT(waits.take_overdue(kStart + 1h), IsEmpty());
}

TEST(Waits, AWriteRefusedAnywayIsStillSurelyNotApplied) {
  const Error overdue{ErrorCode::timeout, Outcome::unknown, "too late", {}};
  const auto applied = std::get<WriteDone>(failed(WriteDone{Ticket(1), messages::WriteResponse{}}, overdue));
  EXPECT_EQ(applied.result.error().code, ErrorCode::timeout);
  EXPECT_EQ(applied.result.error().outcome, Outcome::unknown);
  const auto refused =
      std::get<WriteDone>(failed(WriteDone{Ticket(1), fail(ErrorCode::condition_failed, "no")}, overdue));
  EXPECT_EQ(refused.result.error().code, ErrorCode::timeout);
  EXPECT_EQ(refused.result.error().outcome, Outcome::not_applied);
  const auto read = std::get<ReadReady>(failed(ReadReady{Ticket(1), ReadReady::Release{}}, overdue));
  EXPECT_EQ(read.result.error().code, ErrorCode::timeout);
  EXPECT_EQ(read.result.error().outcome, Outcome::not_applied);
}

}  // namespace
}  // namespace gyre::replication
