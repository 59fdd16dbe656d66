#include "replication/grants.h"

#include <algorithm>

namespace gyre::replication {

Grants::Grants(Instant started, Duration lease, Term served, BrokenRule broken)
    : start_until_(broken == BrokenRule::start_grants_all ? Instant() : started + lease),
      lease_(lease),
      broken_(broken),
      over_(served) {}

void Grants::give(const Grantee& grantee, Instant now) {
  std::erase_if(until_, [&](const auto& grant) { return grant.second <= now || grant.first.term <= over_; });
  until_.insert_or_assign(grantee, now + lease_);
}

void Grants::on_given_up(const NodeId& node, Term term) {
  Term& last = given_up_[node];
  last = std::max(last, term);
  raise_over();
}

void Grants::on_dead(const NodeId& node, Incarnation incarnation) {
  Incarnation& last = dead_[node];
  last = std::max(last, incarnation);
  if (broken_ == BrokenRule::proof_is_for_one_primary) {
    until_.clear();
    start_until_ = Instant();
  }
  raise_over();
}

void Grants::on_heard_serving(Term term) {
  if (term.value() > over_.value() + 1) over_ = Term(term.value() - 1);
  raise_over();
}

void Grants::on_served(Term term) { over_ = std::max(over_, term); }

Instant Grants::free_at(Term term) const {
  Instant free = over_.next() < term ? start_until_ : Instant();
  for (const auto& [grantee, until] : until_) {
    if (grantee.term < term && !ended(grantee)) free = std::max(free, until);
  }
  return free;
}

Duration Grants::left(Instant now) const {
  Instant last = start_until_;
  for (const auto& [grantee, until] : until_) {
    if (!ended(grantee)) last = std::max(last, until);
  }
  return std::max(last - now, Duration(0));
}

bool Grants::ended(const Grantee& grantee) const {
  if (grantee.term <= over_) return true;
  const auto given_up = given_up_.find(grantee.node);
  if (given_up != given_up_.end() && grantee.term <= given_up->second) return true;
  const auto dead = dead_.find(grantee.node);
  if (dead == dead_.end()) return false;
  return grantee.incarnation <= dead->second || broken_ == BrokenRule::proof_names_incarnation;
}

// While the primary of the next term is known and serves no more, that term is over, too.
void Grants::raise_over() {
  const auto next_is_over = [this] {
    const Term next = over_.next();
    return std::ranges::any_of(given_up_, [&](const auto& item) { return item.second == next; }) ||
           std::ranges::any_of(until_,
                               [&](const auto& grant) { return grant.first.term == next && ended(grant.first); });
  };
  while (next_is_over()) over_ = over_.next();
}

}  // namespace gyre::replication
