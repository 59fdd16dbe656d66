#include "replication/journal.h"

#include <gtest/gtest.h>

namespace gyre::replication {
namespace {

using messages::LoggedWritePtr;

messages::WriteId id(std::uint64_t number) { return {ClientId(1), WriteNumber(number)}; }

LoggedWritePtr write(std::uint64_t term, std::uint64_t sequence) {
  auto write = std::make_shared<messages::LoggedWrite>();
  write->position = {Term(term), Sequence(sequence)};
  write->mutations.push_back(
      {messages::Mutation::Kind::put, Bytes::literal("k"), {Bytes::literal("v"), write->position, kNoExpiry}});
  write->id = id(sequence);
  return write;
}

Journal journal_of(std::uint64_t writes) {
  Journal journal({}, {}, BrokenRule::none);
  for (std::uint64_t sequence = 1; sequence <= writes; ++sequence) journal.append(write(1, sequence));
  return journal;
}

RepairStep first_chunk() {
  RepairStep step;
  step.drop_first = true;
  step.state.whole_at = messages::kNeverWhole;
  return step;
}

RepairStep rewind_to(std::uint64_t sequence) {
  RepairStep step;
  step.window.emplace();
  step.state.position = {Term(1), Sequence(sequence)};
  step.state.history = {{Term(1), Sequence(1)}};
  return step;
}

TEST(Journal, ARefusedStepLeavesEverythingAsItWas) {
  Journal journal = journal_of(2);
  journal.on_persisted(journal.take({}, nullptr)->id);
  const messages::PartitionState before = journal.state();
  const RepairStep step = first_chunk();
  ASSERT_TRUE(journal.take({}, &step)->drop_first);
  EXPECT_EQ(journal.window().size(), 0u);
  journal.on_refused();
  EXPECT_EQ(journal.state(), before);
  EXPECT_EQ(journal.persisted(), Sequence(2));
  EXPECT_EQ(journal.window().size(), 2u);
  EXPECT_NE(journal.window().find(id(1)), nullptr);
  journal.check_invariants();
}

TEST(Journal, AStepIsTakenOnceWhileItIsOnItsWay) {
  Journal journal = journal_of(0);
  const RepairStep step = first_chunk();
  const auto taken = journal.take({}, &step);
  ASSERT_TRUE(taken);
  EXPECT_FALSE(journal.take({}, &step));
  EXPECT_TRUE(journal.on_persisted(taken->id).step);
}

TEST(Journal, TheStepOfARepairThatHasEndedIsNotTakenForThatOfTheNext) {
  Journal journal = journal_of(1);
  journal.on_persisted(journal.take({}, nullptr)->id);
  const RepairStep old_step = first_chunk();
  const auto old_taken = journal.take({}, &old_step);
  journal.disown_step();
  const RepairStep step = first_chunk();
  const auto taken = journal.take({}, &step);
  ASSERT_TRUE(taken);
  EXPECT_FALSE(journal.on_persisted(old_taken->id).step);
  EXPECT_TRUE(journal.on_persisted(taken->id).step);
}

TEST(Journal, WhatARepairGaveUpIsNotPersistedByALateReport) {
  Journal journal = journal_of(3);
  const auto given_up = journal.take({}, nullptr);
  const RepairStep step = rewind_to(1);
  ASSERT_TRUE(journal.take({}, &step));
  journal.disown_step();
  for (std::uint64_t sequence = 2; sequence <= 4; ++sequence) journal.append(write(2, sequence));
  const auto last = journal.take({}, nullptr);
  journal.on_persisted(given_up->id);
  EXPECT_EQ(journal.persisted_position(), (Position{Term(1), Sequence(1)}));
  journal.check_invariants();
  journal.on_persisted(last->id);
  EXPECT_EQ(journal.persisted_position(), (Position{Term(2), Sequence(4)}));
}

}  // namespace
}  // namespace gyre::replication
