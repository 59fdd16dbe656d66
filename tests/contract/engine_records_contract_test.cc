// What storage/engine.h promises of records, scans and expiry, checked on every engine.
#include <gmock/gmock.h>

#include "tests/contract/engine_contract.h"

namespace gyre::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class EngineRecords : public EngineContract {};

TEST_P(EngineRecords, GivesBackWhatWasPutWithVersionAndExpiry) {
  commit(kOne, {put("k", "v", {5000})});
  const Lookup found = get(kOne, "k");
  ASSERT_EQ(found.state, Lookup::State::found);
  EXPECT_EQ(found.record.value, Bytes::literal("v"));
  EXPECT_EQ(found.record.version, (Position{Term(1), Sequence(1)}));
  EXPECT_EQ(found.record.expires_at, UnixMillis{5000});
}

TEST_P(EngineRecords, AnswersAbsentForWhatWasNeverPut) {
  EXPECT_EQ(value(kOne, "k"), "(absent)");
  commit(kOne, {put("k", "v")});
  EXPECT_EQ(value(kOne, "kk"), "(absent)");
  EXPECT_EQ(value(kTwo, "k"), "(absent)");
}

TEST_P(EngineRecords, ReadsRecentWritesFromMemory) {
  commit(kOne, {put("k", "v")});
  const auto found = engine().get(kOne, "k", {0}, Tier::memory);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, Lookup::State::found);
}

TEST_P(EngineRecords, AppliesMutationsInOrderSoThatTheLastWins) {
  commit(kOne, {put("k", "1"), put("k", "2"), put("gone", "x"), del("gone"), del("back"), put("back", "y")});
  EXPECT_EQ(value(kOne, "k"), "2");
  EXPECT_EQ(value(kOne, "gone"), "(absent)");
  EXPECT_EQ(value(kOne, "back"), "y");
}

TEST_P(EngineRecords, DeletesWhatIsThereAndToleratesWhatIsNot) {
  commit(kOne, {put("k", "v")});
  commit(kOne, {del("k"), del("never")});
  EXPECT_EQ(value(kOne, "k"), "(absent)");
}

TEST_P(EngineRecords, KeepsKeysAndValuesOfAnyBytes) {
  const std::string zeros("\0\0", 2);
  const std::string high("\xFF\xFF", 2);
  const std::string mixed("a\0\xFF\n", 4);
  commit(kOne, {put(zeros, high), put(high, zeros), put(mixed, mixed), put(std::string(1, '\0'), "")});
  EXPECT_EQ(value(kOne, zeros), high);
  EXPECT_EQ(value(kOne, high), zeros);
  EXPECT_EQ(value(kOne, mixed), mixed);
  EXPECT_THAT(keys(kOne), ElementsAre(std::string(1, '\0'), zeros, mixed, high));
}

TEST_P(EngineRecords, TellsAnEmptyValueFromNone) {
  commit(kOne, {put("empty", "")});
  EXPECT_EQ(get(kOne, "empty").state, Lookup::State::found);
  EXPECT_EQ(value(kOne, "empty"), "");
}

TEST_P(EngineRecords, KeepsValuesOf16MiB) {
  std::string large(std::size_t{16} << 20, 'x');
  large.front() = 'a';
  large.back() = 'z';
  commit(kOne, {put("large", large)});
  EXPECT_TRUE(value(kOne, "large") == large);
  subject_->reopen();
  EXPECT_TRUE(value(kOne, "large") == large);
}

TEST_P(EngineRecords, HidesAnExpiredRecordFromTheExactMillisecondOn) {
  commit(kOne, {put("k", "v", {1000}), put("stays", "v")});
  EXPECT_EQ(value(kOne, "k", {999}), "v");
  EXPECT_EQ(value(kOne, "k", {1000}), "(absent)");
  EXPECT_EQ(value(kOne, "k", {1001}), "(absent)");
  EXPECT_THAT(scan(kOne, {}, {999}), SizeIs(2));
  EXPECT_THAT(scan(kOne, {}, {1000}), ElementsAre(Item("stays", "v")));
  const std::string_view asked[] = {"k", "stays"};
  const auto answers = engine().multi_get(kOne, asked, {1000});
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->at(0).state, Lookup::State::absent);
  EXPECT_EQ(answers->at(1).state, Lookup::State::found);
}

TEST_P(EngineRecords, AnswersMultiGetInTheOrderAsked) {
  commit(kOne, {put("a", "1"), put("c", "3")});
  const std::string_view asked[] = {"c", "b", "a", "c"};
  const auto answers = engine().multi_get(kOne, asked, {0});
  ASSERT_TRUE(answers);
  ASSERT_THAT(*answers, SizeIs(4));
  EXPECT_EQ(answers->at(0).record.value, Bytes::literal("3"));
  EXPECT_EQ(answers->at(1).state, Lookup::State::absent);
  EXPECT_EQ(answers->at(2).record.value, Bytes::literal("1"));
  EXPECT_EQ(answers->at(3).record.value, Bytes::literal("3"));
}

TEST_P(EngineRecords, ScansInByteOrderWithinOnePartition) {
  commit(kOne, {put("neighbour", "1")});
  commit(kTwo, {put("b", "2"), put("\xC3\xA9", "4"), put("a", "1"), put("ba", "3")});
  commit(kThree, {put("neighbour", "3")});
  EXPECT_THAT(keys(kTwo), ElementsAre("a", "b", "ba", "\xC3\xA9"));
}

TEST_P(EngineRecords, ScansByPrefix) {
  commit(kOne, {put("a", ""), put("ab", ""), put("abc", ""), put("ac", ""), put("b", "")});
  EXPECT_THAT(keys(kOne, "ab"), ElementsAre("ab", "abc"));
  EXPECT_THAT(keys(kOne, "abcd"), IsEmpty());
}

TEST_P(EngineRecords, ScansAPrefixThatEndsInTheHighestBytes) {
  commit(kOne, {put("a\xFE", ""), put("a\xFF", ""), put("a\xFF\xFF", ""), put("b", ""), put("\xFF", ""),
                put("\xFF\xFF\x01", "")});
  commit(kTwo, {put("\xFF", "other partition")});
  EXPECT_THAT(keys(kOne, "a\xFF"), ElementsAre("a\xFF", "a\xFF\xFF"));
  EXPECT_THAT(keys(kOne, "\xFF"), ElementsAre("\xFF", "\xFF\xFF\x01"));
}

TEST_P(EngineRecords, PagesThroughAScanByItems) {
  commit(kOne, {put("p1", ""), put("p2", ""), put("p3", ""), put("q", "")});
  const auto first = engine().scan(kOne, {.prefix = "p", .items_max = 2}, {0});
  ASSERT_TRUE(first);
  EXPECT_THAT(first->items, SizeIs(2));
  EXPECT_TRUE(first->more);
  const auto second = engine().scan(kOne, {.prefix = "p", .after = "p2", .items_max = 2}, {0});
  ASSERT_TRUE(second);
  ASSERT_THAT(second->items, SizeIs(1));
  EXPECT_EQ(second->items[0].key, Bytes::literal("p3"));
  EXPECT_FALSE(second->more);
}

TEST_P(EngineRecords, SaysThereIsNoMoreWhenAPageEndsExactlyAtTheLastVisibleRecord) {
  commit(kOne, {put("a", ""), put("b", ""), put("c", "", {10})});
  const auto page = engine().scan(kOne, {.items_max = 2}, {10});
  ASSERT_TRUE(page);
  EXPECT_THAT(page->items, SizeIs(2));
  EXPECT_FALSE(page->more);
}

TEST_P(EngineRecords, EndsAPageBehindTheItemThatReachesItsBytes) {
  commit(kOne, {put("a", std::string(100, 'x')), put("b", std::string(100, 'x')), put("c", "")});
  const auto page = engine().scan(kOne, {.bytes_max = 150}, {0});
  ASSERT_TRUE(page);
  EXPECT_THAT(page->items, SizeIs(2));
  EXPECT_TRUE(page->more);
  const auto one = engine().scan(kOne, {.bytes_max = 1}, {0});
  ASSERT_TRUE(one);
  EXPECT_THAT(one->items, SizeIs(1));
}

TEST_P(EngineRecords, ContinuesAScanBehindAKeyThatIsGone) {
  commit(kOne, {put("a", ""), put("c", "")});
  EXPECT_THAT(scan(kOne, {.after = "b"}), ElementsAre(Item("c", "")));
  EXPECT_THAT(scan(kOne, {.prefix = "c", .after = "a"}), ElementsAre(Item("c", "")));
  EXPECT_THAT(scan(kOne, {.prefix = "a", .after = "c"}), IsEmpty());
}

TEST_P(EngineRecords, LeavesValuesOutOfAScanWhereTheyAreNotWanted) {
  commit(kOne, {put("k", "v", {77})});
  const auto page = engine().scan(kOne, {.values_wanted = false}, {0});
  ASSERT_TRUE(page);
  ASSERT_THAT(page->items, SizeIs(1));
  EXPECT_TRUE(page->items[0].record.value.empty());
  EXPECT_EQ(page->items[0].record.version, (Position{Term(1), Sequence(1)}));
  EXPECT_EQ(page->items[0].record.expires_at, UnixMillis{77});
}

TEST_P(EngineRecords, RemovesForGoodOnlyWhatExpiredAtTheHorizonOfItsPartition) {
  for (const PartitionId partition : {kOne, kTwo}) {
    commit(partition, {put("at", "", {100}), put("behind", "", {101}), put("never", "")});
  }
  engine().set_expiry_horizon(kOne, {100});
  engine().set_expiry_horizon(kOne, {50});  // does not go back
  subject_->compact(kOne);
  subject_->compact(kTwo);
  EXPECT_THAT(keys(kOne), ElementsAre("behind", "never"));
  EXPECT_THAT(keys(kTwo), ElementsAre("at", "behind", "never"));
  EXPECT_THAT(states(), ElementsAre(std::pair(kOne, states_[kOne]), std::pair(kTwo, states_[kTwo])));
}

TEST_P(EngineRecords, NeverBringsAnOlderVersionBackWhenARecordIsRemoved) {
  commit(kOne, {put("k", "old")});
  subject_->compact(kOne);
  commit(kOne, {put("k", "new", {100})});
  engine().set_expiry_horizon(kOne, {100});
  subject_->compact(kOne);
  EXPECT_EQ(value(kOne, "k"), "(absent)");
  subject_->reopen();
  EXPECT_EQ(value(kOne, "k"), "(absent)");
}

TEST_P(EngineRecords, SweepsInStepsAndLeavesThePositionAlone) {
  commit(kOne, {put("a", "", {10}), put("b", "", {10}), put("c", ""), put("d", "", {10}), put("e", "", {99})});
  commit(kTwo, {put("a", "", {10})});
  engine().set_expiry_horizon(kOne, {10});
  const auto first = engine().sweep(kOne, "", 3);
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->has_value());
  EXPECT_EQ(**first, "c");
  EXPECT_THAT(keys(kOne), ElementsAre("c", "d", "e"));
  const auto last = engine().sweep(kOne, **first, 3);
  ASSERT_TRUE(last);
  EXPECT_FALSE(last->has_value());
  EXPECT_THAT(keys(kOne), ElementsAre("c", "e"));
  EXPECT_THAT(keys(kTwo), ElementsAre("a"));
  subject_->reopen();
  EXPECT_THAT(keys(kOne), ElementsAre("c", "e"));
  EXPECT_EQ(states().at(0), std::pair(kOne, states_[kOne]));
}

TEST_P(EngineRecords, SweepsAnEmptyPartition) {
  const auto next = engine().sweep(kOne, "", 10);
  ASSERT_TRUE(next);
  EXPECT_FALSE(next->has_value());
}

TEST_P(EngineRecords, SizesAPartitionByWhatItHolds) {
  EXPECT_EQ(engine().size_of(kOne).bytes, 0u);
  for (int i = 0; i < 1000; ++i) commit(kOne, {put("k" + std::to_string(i), std::string(1000, 'x'))});
  // An engine may estimate from samples.
  const std::uint64_t bytes = engine().size_of(kOne).bytes;
  EXPECT_GT(bytes, 250'000u);
  EXPECT_LT(bytes, 4'000'000u);
  EXPECT_EQ(engine().size_of(kTwo).bytes, 0u);
}

TEST_P(EngineRecords, SyncsAndIsNotStalledAtRest) {
  commit(kOne, {put("k", "v")});
  EXPECT_TRUE(engine().sync());
  EXPECT_FALSE(engine().stalled());
}

INSTANTIATE_TEST_SUITE_P(Engines, EngineRecords, every_engine(), name_of);

}  // namespace
}  // namespace gyre::storage
