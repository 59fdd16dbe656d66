#include "replication/term_history.h"

#include <algorithm>

#include "base/assert.h"
#include "base/limits.h"

namespace gyre::replication {

using messages::TermHistory;
using messages::TermStart;

namespace {

constexpr Sequence kFirstSequence{1};

// Nothing was forgotten: the oldest term known is the one that wrote first.
bool reaches_back(const TermHistory& history) { return !history.empty() && history.front().first <= kFirstSequence; }

// The last sequence of the term at `start`, for a member that has everything up to `last`.
Sequence end_of(const TermHistory& history, TermHistory::const_iterator start, Sequence last) {
  const auto next = std::next(start);
  return next == history.end() ? last : std::min(last, Sequence(next->first.value() - 1));
}

TermHistory::const_iterator first_behind(const TermHistory& history, Term term) {
  return std::ranges::upper_bound(history, term, {}, &TermStart::term);
}

}  // namespace

Contains contains(const TermHistory& history, Position own, Position position) {
  if (position == Position()) return Contains::yes;
  const auto behind_it = first_behind(history, position.term);
  if (behind_it == history.begin()) {
    if (history.empty()) return Contains::not_yet;
    return reaches_back(history) ? Contains::lost : Contains::unknown;
  }
  const auto start = std::prev(behind_it);
  const bool newest = behind_it == history.end();
  if (start->term != position.term) return newest ? Contains::not_yet : Contains::lost;
  if (position.sequence < start->first) return Contains::lost;
  // A member may know where a term ended before it has stored all of it.
  if (!newest && position.sequence >= behind_it->first) return Contains::lost;
  return position.sequence <= own.sequence ? Contains::yes : Contains::not_yet;
}

std::optional<Term> term_at(const TermHistory& history, Sequence sequence) {
  const auto behind_it = std::ranges::upper_bound(history, sequence, {}, &TermStart::first);
  if (behind_it == history.begin()) return std::nullopt;
  return std::prev(behind_it)->term;
}

std::optional<Sequence> common_prefix(const TermHistory& a, Sequence a_last, const TermHistory& b, Sequence b_last) {
  const Sequence shorter = std::min(a_last, b_last);
  if (shorter == Sequence()) return shorter;
  for (auto start = a.end(); start != a.begin();) {
    --start;
    const auto twin = std::ranges::lower_bound(b, *start);
    if (twin != b.end() && *twin == *start) return std::min(end_of(a, start, a_last), end_of(b, twin, b_last));
  }
  if (reaches_back(a) && reaches_back(b)) return Sequence();
  return std::nullopt;
}

void begin_term(TermHistory& history, Term term, Sequence first) {
  if (!history.empty()) {
    GYRE_ASSERT(history.back().term < term && history.back().first <= first);
    if (history.back().first == first) history.pop_back();
  }
  history.push_back({term, first});
  if (history.size() > limits::kTermHistoryMax) history.erase(history.begin());
}

void truncate_after(TermHistory& history, Sequence last) {
  std::erase_if(history, [last](const TermStart& start) { return start.first > last; });
}

TermHistory told_since(const TermHistory& history, Term term) {
  const auto behind_it = first_behind(history, term);
  const bool forgotten = behind_it == history.begin() && !reaches_back(history);
  if (behind_it == history.end() || forgotten) return {};
  return {behind_it == history.begin() ? behind_it : std::prev(behind_it), history.end()};
}

TermHistory behind(const TermHistory& history, Term term) { return {first_behind(history, term), history.end()}; }

}  // namespace gyre::replication
