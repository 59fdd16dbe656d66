// Which positions a member's history contains, and where two histories part. Pure functions on messages::TermHistory.
//
// They rest on two rules of the protocol: a term has one primary, so it begins at one sequence everywhere; and who
// holds a term's start holds what its primary held before it.
#pragma once

#include <cstdint>
#include <optional>

#include "messages/operation.h"

namespace gyre::replication {

enum class Contains : std::uint8_t {
  yes,
  not_yet,  // of a term that may still grow here, or of one not known here yet
  lost,     // that term ended below it
  unknown,  // the history no longer reaches back so far
};

// Does a member with this history, at `own` position, hold the write at `position`? {0, 0} is held by everyone.
Contains contains(const messages::TermHistory& history, Position own, Position position);

// The term of the write with this sequence, by `history`; none: before the history begins.
std::optional<Term> term_at(const messages::TermHistory& history, Sequence sequence);

// The highest sequence up to which both hold the same writes. `a_last`, `b_last`: the last sequences each has.
// None: the histories no longer reach back to where they agree (each could have forgotten it).
std::optional<Sequence> common_prefix(const messages::TermHistory& a, Sequence a_last, const messages::TermHistory& b,
                                      Sequence b_last);

// Records that `term` begins with `first`. A term without a write leaves no trace; the oldest beyond kTermHistoryMax
// are forgotten. REQUIRES: newer than all, first not below the last.
void begin_term(messages::TermHistory& history, Term term, Sequence first);

// What is left when everything behind `last` is given up; a term that has no write yet is given up with it.
void truncate_after(messages::TermHistory& history, Sequence last);

// The starts of the terms behind `term`, oldest first.
messages::TermHistory behind(const messages::TermHistory& history, Term term);

// What whoever has seen a position of `term` has to be told: the starts from that term on, oldest first. Where nothing
// of it is left, the term before it takes its place: what came between the two did not survive either. Empty where
// nothing has begun behind it, or it may have been forgotten.
messages::TermHistory told_since(const messages::TermHistory& history, Term term);

}  // namespace gyre::replication
