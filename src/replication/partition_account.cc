// What a partition owes the ledger: of a start that may lack writes, and of terms in which this node was deposed
// (PROTOCOL.md section 10).
#include <algorithm>

#include <fmt/format.h>

#include "base/limits.h"
#include "replication/context.h"
#include "replication/follower.h"
#include "replication/partition.h"
#include "replication/primary.h"
#include "replication/term_history.h"

namespace gyre::replication {

// What this start may lack is in the ledger: the sequences may be given again.
bool Partition::lost_range_is_safe(const Moment& now) {
  auto terms = terms_deposed();
  if (const auto more = owes_lost_range_ ? unaccounted() : std::nullopt) {
    terms = terms ? Terms{std::min(terms->first, more->first), std::max(terms->last, more->last)} : *more;
  }
  if (terms && !range_is_exported(now, *terms)) return false;
  owes_lost_range_ = false;
  return true;
}

// Those for which this node owes an account as a deposed primary.
std::optional<Partition::Terms> Partition::terms_deposed() const {
  Term last;
  for (const ring::DeposedPrimary& deposed : context_->view->entry.deposed) {
    if (deposed.node == context_->config.self) last = std::max(last, deposed.term);
  }
  if (last == Term()) return std::nullopt;
  return Terms{context_->journal.state().served, last};
}

// A start that takes office though it may lack writes, its own or those it followed: of which terms nobody else tells
// what is lost. Whoever was deposed accounts for its term and for those before. A primary that handed over does not:
// what came behind its term may have been lost by all.
std::optional<Partition::Terms> Partition::unaccounted() const {
  const messages::PartitionState& state = context_->journal.state();
  const ring::PartitionEntry& entry = context_->view->entry;
  const Term before(entry.term.value() - 1);
  const Term newest = state.history.empty() ? Term() : state.history.back().term;
  const bool others_account = std::ranges::any_of(entry.deposed, [&](const ring::DeposedPrimary& deposed) {
    return deposed.node != context_->config.self && deposed.term >= newest;
  });
  if (!others_account) return Terms{std::max(state.served, newest), before};
  // Where nothing is left, it may have been any term before this.
  if (state.served == Term()) return newest == Term() ? std::optional(Terms{Term(), before}) : std::nullopt;
  return state.served >= newest ? std::optional(Terms{state.served, state.served}) : std::nullopt;
}

// What this start may lack of these terms: since taking office is synced, of none before the last that it remembers to
// have served; where everything is gone, of any. A term of which nothing survived may have begun anywhere: what
// survived may be longer than what it began with.
std::vector<messages::Loss> Partition::lost_ranges(Terms terms) const {
  const messages::PartitionState& state = context_->journal.state();
  std::vector<messages::Loss> losses;
  for (Term term = std::max(terms.first, Term(1)); term <= terms.last && losses.size() < limits::kTermHistoryMax;
       term = term.next()) {
    const auto later = behind(state.history, term);
    const bool survived_in_part =
        std::ranges::find(state.history, term, &messages::TermStart::term) != state.history.end();
    Sequence first(1);
    if (survived_in_part) first = later.empty() ? context_->journal.assigned().next() : later.front().first;
    losses.push_back(
        messages::LostRange{.partition = id(),
                            .term = term,
                            .first = first,
                            .last = messages::kUnknownLast,
                            .why = fmt::format("{} lost data that it had not synced", context_->config.self.str())});
  }
  return losses;
}

// A primary that may have left writes behind says when the ledger has them (PROTOCOL.md section 10).
void Partition::account(const Moment& now) {
  const View& view = *context_->view;
  if (!has_to_say(now)) return;
  owes_lost_range_ = false;
  if (now.steady - accounted_at_ < view.timing.heartbeat) return;
  accounted_at_ = now.steady;
  const auto terms = terms_deposed();
  if (!terms || !range_is_exported(now, *terms)) return;
  for (const ring::DeposedPrimary& deposed : view.entry.deposed) {
    if (deposed.node == context_->config.self) context_->tell_coordinator(messages::Accounted{id(), deposed.term});
  }
}

// Where this start may lack what was written in these terms, nobody can tell what it was. Before it took office first
// it has told; of what it wrote since it lacks nothing.
bool Partition::range_is_exported(const Moment& now, Terms terms) {
  if (context_->config.loses_nothing || begun_ != Term()) return true;
  if (range_export_ && range_export_->terms == terms) return range_export_->done;
  if (range_export_ && !range_export_->done) return false;
  if (now.steady < range_export_at_) return false;
  range_export_at_ = now.steady + context_->view->timing.heartbeat;
  range_export_ = RangeExport{context_->tasks.next(), terms};
  context_->effects.push_back(ExportLosses{range_export_->task, lost_ranges(terms)});
  return false;
}

}  // namespace gyre::replication
