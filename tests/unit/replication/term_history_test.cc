#include "replication/term_history.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/limits.h"

namespace gyre::replication {
namespace {

using messages::TermHistory;

Position at(std::uint64_t term, std::uint64_t sequence) { return {Term(term), Sequence(sequence)}; }

TermHistory history(std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> starts) {
  TermHistory history;
  for (const auto& [term, first] : starts) history.push_back({Term(term), Sequence(first)});
  return history;
}

TEST(TermHistory, EverybodyHoldsTheBeginning) {
  EXPECT_EQ(contains({}, {}, {}), Contains::yes);
  EXPECT_EQ(contains(history({{4, 900}}), at(4, 950), {}), Contains::yes);
}

TEST(TermHistory, APositionOfTheNewestTermIsHeldOrStillToCome) {
  const TermHistory h = history({{1, 1}, {3, 41}});
  EXPECT_EQ(contains(h, at(3, 50), at(3, 50)), Contains::yes);
  EXPECT_EQ(contains(h, at(3, 50), at(3, 51)), Contains::not_yet);
  EXPECT_EQ(contains(h, at(3, 50), at(4, 10)), Contains::not_yet) << "a term not heard of";
  EXPECT_EQ(contains({}, {}, at(1, 1)), Contains::not_yet);
}

TEST(TermHistory, APositionBeyondTheEndOfItsTermIsLost) {
  const TermHistory h = history({{1, 1}, {3, 41}});
  EXPECT_EQ(contains(h, at(3, 50), at(1, 40)), Contains::yes);
  EXPECT_EQ(contains(h, at(3, 50), at(1, 41)), Contains::lost);
  EXPECT_EQ(contains(h, at(3, 50), at(2, 41)), Contains::lost) << "that term left no write";
  EXPECT_EQ(contains(h, at(1, 40), at(1, 41)), Contains::lost) << "term 3 has begun, though it wrote nothing yet";
}

TEST(TermHistory, WhatWasForgottenIsUnknownAndWhatNeverWasIsLost) {
  EXPECT_EQ(contains(history({{5, 100}}), at(5, 120), at(4, 80)), Contains::unknown);
  EXPECT_EQ(contains(history({{5, 1}}), at(5, 120), at(4, 1)), Contains::lost);
}

TEST(TermHistory, KnowsTheTermOfEachWrite) {
  const TermHistory h = history({{1, 11}, {3, 41}});
  EXPECT_EQ(term_at(h, Sequence(10)), std::nullopt);
  EXPECT_EQ(term_at(h, Sequence(11)), Term(1));
  EXPECT_EQ(term_at(h, Sequence(40)), Term(1));
  EXPECT_EQ(term_at(h, Sequence(41)), Term(3));
}

TEST(TermHistory, PartsWhereTheLastCommonTermEndsFirst) {
  // The deposed primary went on in term 2 where the new one began term 3.
  EXPECT_EQ(common_prefix(history({{1, 1}, {2, 20}}), Sequence(60), history({{1, 1}, {2, 20}, {3, 41}}), Sequence(70)),
            Sequence(40));
  // One lags behind.
  EXPECT_EQ(common_prefix(history({{1, 1}}), Sequence(10), history({{1, 1}, {2, 20}}), Sequence(70)), Sequence(10));
}

TEST(TermHistory, AnEmptyMemberAgreesUpToNothing) {
  EXPECT_EQ(common_prefix({}, Sequence(0), history({{5, 100}}), Sequence(120)), Sequence(0));
}

TEST(TermHistory, HistoriesWithoutACommonTermPartAtTheBeginningIfTheyReachIt) {
  EXPECT_EQ(common_prefix(history({{1, 1}}), Sequence(9), history({{2, 1}}), Sequence(9)), Sequence(0));
  EXPECT_EQ(common_prefix(history({{1, 1}}), Sequence(9), history({{5, 100}}), Sequence(120)), std::nullopt);
}

TEST(TermHistory, ATermWithoutAWriteLeavesNoTrace) {
  TermHistory h = history({{1, 1}});
  begin_term(h, Term(2), Sequence(20));
  begin_term(h, Term(4), Sequence(20));
  EXPECT_EQ(h, history({{1, 1}, {4, 20}}));
}

TEST(TermHistory, TheOldestTermsAreForgotten) {
  TermHistory h;
  for (std::uint64_t i = 1; i <= limits::kTermHistoryMax + 5; ++i) begin_term(h, Term(i), Sequence(i * 10));
  EXPECT_EQ(h.size(), limits::kTermHistoryMax);
  EXPECT_EQ(h.front().term, Term(6));
}

TEST(TermHistory, GivingUpATailGivesUpItsTerms) {
  TermHistory h = history({{1, 1}, {2, 20}, {3, 41}});
  truncate_after(h, Sequence(40));
  EXPECT_EQ(h, history({{1, 1}, {2, 20}}));
  truncate_after(h, Sequence(0));
  EXPECT_EQ(h, TermHistory{});
}

TEST(TermHistory, TellsTheTermsBehindOne) {
  const TermHistory h = history({{1, 1}, {3, 41}, {4, 50}});
  EXPECT_EQ(behind(h, Term(0)), h);
  EXPECT_EQ(behind(h, Term(2)), history({{3, 41}, {4, 50}}));
  EXPECT_EQ(behind(h, Term(4)), TermHistory{});
}

// Members as the protocol makes them: each is a list of the terms of its writes. A primary's term begins on top of what
// it holds; others take a prefix of what it has then.
struct Members {
  std::vector<std::vector<std::uint64_t>> logs;

  static Members arbitrary() {
    Members members{std::vector<std::vector<std::uint64_t>>(3)};
    const auto turns = *rc::gen::inRange<std::uint64_t>(1, 8);
    for (std::uint64_t term = 1; term <= turns; ++term) {
      auto& primary = members.logs[*rc::gen::inRange<std::size_t>(0, 3)];
      const std::size_t begin = primary.size();
      primary.resize(begin + *rc::gen::inRange<std::size_t>(0, 5), term);
      for (auto& log : members.logs) {
        // Follows into this term, or is away.
        if (*rc::gen::arbitrary<bool>())
          log = {primary.begin(),
                 primary.begin() + *rc::gen::inRange<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(begin),
                                                                     static_cast<std::ptrdiff_t>(primary.size()) + 1)};
      }
    }
    return members;
  }
};

TermHistory history_of(const std::vector<std::uint64_t>& log) {
  TermHistory history;
  for (std::size_t i = 0; i < log.size(); ++i) {
    if (i == 0 || log[i] != log[i - 1]) begin_term(history, Term(log[i]), Sequence(i + 1));
  }
  return history;
}

RC_GTEST_PROP(TermHistory, AgreesWithComparingEveryWrite, ()) {
  const Members members = Members::arbitrary();
  for (const auto& a : members.logs) {
    for (const auto& b : members.logs) {
      const auto parted = std::ranges::mismatch(a, b);
      const auto expected = static_cast<std::uint64_t>(parted.in1 - a.begin());
      RC_ASSERT(common_prefix(history_of(a), Sequence(a.size()), history_of(b), Sequence(b.size())) ==
                Sequence(expected));
    }
  }
}

RC_GTEST_PROP(TermHistory, ContainsJustTheWritesOfItsLog, ()) {
  const Members members = Members::arbitrary();
  for (const auto& log : members.logs) {
    const TermHistory h = history_of(log);
    const Position own = log.empty() ? Position() : at(log.back(), log.size());
    for (std::uint64_t term = 1; term <= 9; ++term) {
      for (std::uint64_t sequence = 1; sequence <= 40; ++sequence) {
        const bool held = sequence <= log.size() && log[sequence - 1] == term;
        const Contains answer = contains(h, own, at(term, sequence));
        RC_ASSERT((answer == Contains::yes) == held);
        if (term < own.term.value()) RC_ASSERT(held || answer == Contains::lost);
        if (term > own.term.value()) RC_ASSERT(answer == Contains::not_yet);
      }
    }
  }
}

RC_GTEST_PROP(TermHistory, ATruncatedHistoryIsThatOfTheShorterLog, ()) {
  for (auto log : Members::arbitrary().logs) {
    TermHistory h = history_of(log);
    const auto last = *rc::gen::inRange<std::size_t>(0, log.size() + 1);
    truncate_after(h, Sequence(last));
    log.resize(last);
    RC_ASSERT(h == history_of(log));
    for (std::size_t i = 0; i < log.size(); ++i) RC_ASSERT(term_at(h, Sequence(i + 1)) == Term(log[i]));
  }
}

TEST(TermHistory, AMemberMayKnowWhereATermEndedBeforeItHoldsAllOfIt) {
  const TermHistory h = history({{5, 1}, {6, 98}});
  EXPECT_EQ(contains(h, at(5, 95), at(5, 97)), Contains::not_yet);
  EXPECT_EQ(contains(h, at(5, 95), at(5, 98)), Contains::lost);
  EXPECT_EQ(contains(h, at(5, 95), at(5, 95)), Contains::yes);
}

TEST(TermHistory, TellsWhatBecameOfATermThatWasSeen) {
  const TermHistory h = history({{1, 1}, {3, 41}, {6, 90}});
  EXPECT_EQ(told_since(h, Term(3)), history({{3, 41}, {6, 90}}));
  EXPECT_EQ(told_since(h, Term(4)), history({{3, 41}, {6, 90}})) << "nothing of term 4 is left";
  EXPECT_EQ(told_since(h, Term(6)), TermHistory());
  EXPECT_EQ(told_since(h, Term(9)), TermHistory());
  EXPECT_EQ(told_since(history({{5, 100}}), Term(4)), TermHistory()) << "what was before term 5 is forgotten";
}

}  // namespace
}  // namespace gyre::replication
