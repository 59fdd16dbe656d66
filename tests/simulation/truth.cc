#include "tests/simulation/truth.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

#include "base/assert.h"

namespace gyre::simulation {

using messages::LoggedWrite;
using messages::LoggedWritePtr;
using messages::Mutation;

namespace {

bool same_record(const messages::Record& a, const messages::Record& b) {
  return a.value == b.value && a.version == b.version && a.expires_at == b.expires_at;
}

bool same_write(const LoggedWrite& a, const LoggedWrite& b) {
  const auto same_mutation = [](const Mutation& x, const Mutation& y) {
    return x.kind == y.kind && x.key == y.key && same_record(x.record, y.record);
  };
  return &a == &b || (a.position == b.position && a.time == b.time && a.id == b.id && a.outcomes == b.outcomes &&
                      std::ranges::equal(a.mutations, b.mutations, same_mutation));
}

std::uint64_t bit_of(NodeIndex node) { return std::uint64_t{1} << node; }

std::string name(NodeIndex node) { return fmt::format("n{}", node + 1); }

}  // namespace

// --- What is applied ---

void Truth::on_commit(NodeIndex node, const storage::PartitionBatch& batch) {
  messages::PartitionState& state = held_[{node, batch.partition}];
  Position at = batch.drop_first ? Position{} : state.position;
  for (const LoggedWritePtr& write : batch.writes) {
    apply(node, batch.partition, at, write);
    at = write->position;
  }
  const Position now = batch.state.position;
  if (!batch.writes.empty() && now != at) {
    fail_(fmt::format("{} says that partition {} is at {} after the write {}", name(node), batch.partition.value(),
                      to_string(now), to_string(at)));
  }
  if (batch.writes.empty() && now != at && now != Position{} && find(batch.partition, now) == nullptr) {
    fail_(fmt::format("{} says that partition {} is at {}, which nobody ever wrote", name(node),
                      batch.partition.value(), to_string(now)));
  }
  const bool deletes = batch.drop_first && now == Position{} && state.position != Position{};
  if (deletes) note_deletion(node, batch.partition, state.position, batch.state.whole_at == Sequence());
  state = batch.state;
}

void Truth::note_deletion(NodeIndex node, PartitionId partition, Position before, bool for_good) {
  Deletion deletion{node, partition, before, for_good, said_held_[partition]};
  for (const auto& [place, state] : held_) {
    if (place.first != node && place.second == partition) deletion.others.push_back(state.position);
  }
  deletions_.push_back(std::move(deletion));
}

void Truth::note_said_held(NodeIndex node, PartitionId partition, Position position) {
  if (holds(node, partition, position)) said_held_[partition].push_back(position);
}

void Truth::on_opened(NodeIndex node, const std::vector<std::pair<PartitionId, storage::StoredPartition>>& stored) {
  std::map<PartitionId, Position> before;
  for (auto held = held_.begin(); held != held_.end();) {
    if (held->first.first != node) {
      ++held;
      continue;
    }
    before[held->first.second] = held->second.position;
    held = held_.erase(held);
  }
  for (const auto& [partition, held] : stored) held_[{node, partition}] = held.state;
  for (const auto& [partition, position] : before) {
    const Position after = this->held(node, partition).position;
    if (!contains(partition, after, position)) deaths_.push_back({node, partition, position, after});
  }
}

void Truth::on_dropped(NodeIndex node, PartitionId partition) { held_.erase({node, partition}); }

void Truth::apply(NodeIndex node, PartitionId id, Position before, const LoggedWritePtr& write) {
  Partition& partition = partitions_[id];
  const Position at = write->position;
  if (Applied* applied = find_applied(id, at)) {
    compare(node, id, before, partition.terms.at(at.term), *applied->write, *write);
    applied->holders |= bit_of(node);
    return;
  }
  if (at.sequence != before.sequence.next() || at.term < before.term) {
    fail_(fmt::format("{} applies {} of partition {} behind {}", name(node), to_string(at), id.value(),
                      to_string(before)));
    return;
  }
  add(id, partition, before, write);
  if (Applied* applied = find_applied(id, at)) applied->holders |= bit_of(node);
}

void Truth::add(PartitionId id, Partition& partition, Position before, const LoggedWritePtr& write) {
  const Position at = write->position;
  Term& term = partition.terms.try_emplace(at.term, Term{before, {}}).first->second;
  if (at.sequence.value() != term.first() + term.writes.size()) {
    fail_(fmt::format("partition {}: {} was written, but term {} began behind {} and has {} writes", id.value(),
                      to_string(at), at.term.value(), to_string(term.base), term.writes.size()));
    return;
  }
  term.writes.push_back({write, scheduler_.now(), 0});
  ++writes_;
  for (const Mutation& mutation : write->mutations) partition.changes[mutation.key.str()].push_back({at, &mutation});
  if (!write->id.given()) return;
  std::vector<Position>& same = partition.ids[write->id];
  for (const Position earlier : same) {
    if (!contains(id, at, earlier)) continue;
    fail_(fmt::format("partition {}: the write {} of client {} was applied at {} and again at {}", id.value(),
                      write->id.number.value(), write->id.client.value(), to_string(earlier), to_string(at)));
  }
  same.push_back(at);
}

void Truth::compare(NodeIndex node, PartitionId id, Position before, const Term& term, const LoggedWrite& held,
                    const LoggedWrite& write) {
  const Position at = write.position;
  if (!same_write(held, write)) {
    fail_(fmt::format("{} applies another write at {} of partition {} than was applied there before", name(node),
                      to_string(at), id.value()));
  }
  const Position expected =
      at.sequence.value() == term.first() ? term.base : Position{at.term, Sequence(at.sequence.value() - 1)};
  if (expected == before) return;
  fail_(fmt::format("{} applies {} of partition {} behind {}, not behind {}", name(node), to_string(at), id.value(),
                    to_string(before), to_string(expected)));
}

// --- Questions ---

Truth::Applied* Truth::find_applied(PartitionId partition, Position position) {
  const auto tree = partitions_.find(partition);
  if (tree == partitions_.end()) return nullptr;
  const auto term = tree->second.terms.find(position.term);
  if (term == tree->second.terms.end() || position.sequence.value() < term->second.first()) return nullptr;
  const std::uint64_t index = position.sequence.value() - term->second.first();
  return index < term->second.writes.size() ? &term->second.writes[index] : nullptr;
}

std::span<const Position> Truth::written_as(PartitionId id, const messages::WriteId& write) const {
  const auto partition = partitions_.find(id);
  if (partition == partitions_.end()) return {};
  const auto found = partition->second.ids.find(write);
  if (found == partition->second.ids.end()) return {};
  return found->second;
}

const LoggedWrite* Truth::find(PartitionId partition, Position position) const {
  const Applied* applied = const_cast<Truth*>(this)->find_applied(partition, position);
  return applied == nullptr ? nullptr : applied->write.get();
}

WorldTime Truth::applied_at(PartitionId partition, Position position) const {
  const Applied* applied = const_cast<Truth*>(this)->find_applied(partition, position);
  GYRE_ASSERT(applied != nullptr);
  return applied->at;
}

void Truth::for_each(const std::function<void(PartitionId, const LoggedWrite&)>& look) const {
  for (const auto& [id, partition] : partitions_) {
    for (const auto& [number, term] : partition.terms) {
      for (const Applied& applied : term.writes) look(id, *applied.write);
    }
  }
}

const messages::PartitionState& Truth::held(NodeIndex node, PartitionId partition) const {
  static const messages::PartitionState kNothing;
  const auto found = held_.find({node, partition});
  return found == held_.end() ? kNothing : found->second;
}

bool Truth::ever_held(NodeIndex node, PartitionId partition, Position position) const {
  const Applied* applied = const_cast<Truth*>(this)->find_applied(partition, position);
  const bool wrote = applied != nullptr && (applied->holders >> node & 1) != 0;
  return wrote || holds(node, partition, position) || lost_by_death(node, partition, position);
}

bool Truth::lost_by_death(NodeIndex node, PartitionId partition, Position position) const {
  return std::ranges::any_of(deaths_, [&](const Death& death) {
    return death.node == node && death.partition == partition && contains(partition, death.before, position) &&
           !contains(partition, death.after, position);
  });
}

bool Truth::left_to_others(NodeIndex node, PartitionId partition, Position position) const {
  return std::ranges::any_of(deletions_, [&](const Deletion& deletion) {
    const auto has = [&](Position held) { return contains(partition, held, position); };
    return deletion.node == node && deletion.partition == partition && has(deletion.before) &&
           std::ranges::any_of(deletion.others, has);
  });
}

bool Truth::was_no_member(NodeIndex node, PartitionId partition) const {
  return std::ranges::any_of(deletions_, [&](const Deletion& deletion) {
    return deletion.node == node && deletion.partition == partition && deletion.for_good;
  });
}

bool Truth::contains(PartitionId partition, Position of, Position position) const {
  if (position == Position{} || position == of) return true;
  const auto tree = partitions_.find(partition);
  if (tree == partitions_.end()) return false;
  while (of.sequence >= position.sequence) {
    const auto term = tree->second.terms.find(of.term);
    if (term == tree->second.terms.end()) return false;
    if (position.sequence.value() >= term->second.first()) return position.term == of.term;
    of = term->second.base;
  }
  return false;
}

std::vector<Truth::Piece> Truth::pieces(PartitionId partition, Position of) const {
  std::vector<Piece> found;
  const auto tree = partitions_.find(partition);
  while (tree != partitions_.end() && of != Position{}) {
    const auto term = tree->second.terms.find(of.term);
    if (term == tree->second.terms.end()) break;
    found.push_back({&term->second, of.term, of.sequence.value()});
    of = term->second.base;
  }
  return found;
}

const std::vector<Truth::Change>& Truth::changes_of(PartitionId partition, std::string_view key) const {
  static const std::vector<Change> kNone;
  const auto tree = partitions_.find(partition);
  if (tree == partitions_.end()) return kNone;
  const auto found = tree->second.changes.find(key);
  return found == tree->second.changes.end() ? kNone : found->second;
}

std::vector<Truth::Change> Truth::changes_of(PartitionId partition, std::string_view key, Position of) const {
  std::vector<Change> changes;
  for (const Change& change : changes_of(partition, key)) {
    if (contains(partition, of, change.position)) changes.push_back(change);
  }
  std::ranges::stable_sort(changes, {}, [](const Change& change) { return change.position.sequence; });
  return changes;
}

std::vector<LoggedWritePtr> Truth::history(PartitionId partition, Position of) const {
  std::vector<LoggedWritePtr> writes;
  auto newest_first = pieces(partition, of);
  for (const Piece& piece : std::views::reverse(newest_first)) {
    for (std::uint64_t s = piece.term->first(); s <= piece.last; ++s) {
      writes.push_back(piece.term->writes[s - piece.term->first()].write);
    }
  }
  return writes;
}

std::map<std::string, messages::Record, std::less<>> Truth::contents(PartitionId partition, Position of) const {
  std::map<std::string, messages::Record, std::less<>> records;
  for (const LoggedWritePtr& write : history(partition, of)) {
    for (const Mutation& mutation : write->mutations) {
      if (mutation.kind == Mutation::Kind::put) {
        records.insert_or_assign(mutation.key.str(), mutation.record);
      } else {
        records.erase(mutation.key.str());
      }
    }
  }
  return records;
}

std::vector<std::string> Truth::keys(PartitionId partition) const {
  std::vector<std::string> keys;
  const auto tree = partitions_.find(partition);
  if (tree == partitions_.end()) return keys;
  for (const auto& [key, changes] : tree->second.changes) keys.push_back(key);
  return keys;
}

}  // namespace gyre::simulation
