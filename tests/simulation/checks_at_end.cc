// What is judged when it is known which history survived.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "routing/options.h"
#include "tests/simulation/checks.h"

namespace gyre::simulation {

using messages::LostRange;
using messages::LostWrite;
using messages::Mutation;
using messages::ReadLevel;

namespace {

// A client remembers its writes one by one for about so long: clocks of clients may be a little fast.
constexpr Duration kRemembered = routing::kAcknowledgedLife / 20 * 19;

}  // namespace

void Checks::check_answers() {
  // By partition: when what survived was acknowledged, and how far it reached then.
  std::map<PartitionId, std::vector<std::pair<WorldTime, Position>>> reached;
  std::ranges::stable_sort(acknowledged_, {}, &Acknowledged::at);
  for (const Acknowledged& write : acknowledged_) {
    if (truth_.contains(write.partition, survived(write.partition), write.position)) {
      auto& points = reached[write.partition];
      const Position last = points.empty() ? Position{} : points.back().second;
      points.emplace_back(write.at, last.sequence < write.position.sequence ? write.position : last);
    } else if (write.ack == messages::kAckAll && !total_losses_.since(write.partition, write.at)) {
      fail("promise of all", fmt::format("{} of partition {} was acknowledged by all and is lost",
                                         to_string(write.position), write.partition.value()));
    }
  }
  for (const Read& read : reads_) {
    const auto& points = reached[read.partition];
    const auto next = std::ranges::lower_bound(points, read.fresh_since, {}, &std::pair<WorldTime, Position>::first);
    check_read(read, next == points.begin() ? Position{} : std::prev(next)->second);
  }
  for (const LossTold& told : losses_told_) {
    if (!truth_.contains(told.partition, survived(told.partition), told.seen)) continue;
    if (left_behind(told.partition, told.seen)) continue;
    fail("sessions told", fmt::format("a session was told that {} of partition {} is lost, but it survived",
                                      to_string(told.seen), told.partition.value()));
  }
}

// What was acknowledged in time and had come along into each term that could answer: what a failover leaves behind need
// not be shown, even if a later one brings it back.
Position Checks::came_along(const Read& read) const {
  const PartitionId id = read.partition;
  std::optional<Position> least;
  const auto& terms = terms_.at(id);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const bool over = i + 1 < terms.size() && terms[i + 1].at <= read.fresh_since;
    if (over || terms[i].at > read.answered_at) continue;
    Position reached;
    for (const Acknowledged& write : acknowledged_) {
      if (write.partition != id || write.at >= read.fresh_since) continue;
      if (!truth_.contains(id, survived(id), write.position)) continue;
      const bool here = write.position.term >= terms[i].term || truth_.contains(id, terms[i].from, write.position);
      if (here && reached.sequence < write.position.sequence) reached = write.position;
    }
    if (!least || reached.sequence < least->sequence) least = reached;
  }
  return least.value_or(Position{});
}

void Checks::check_read(const Read& read, Position required) {
  const auto wrong = [&](std::string_view what) {
    static constexpr const char* kLevels[] = {"primary", "linearizable", "session", "bounded", "any"};
    fail("reads", fmt::format("a {} read of {} in partition {} by {} showed {} at {}: {}",
                              kLevels[static_cast<int>(read.asked.level)], read.key.view(), read.partition.value(),
                              name_of(read.node), read.version ? to_string(*read.version) : "nothing",
                              to_string(read.standing), what));
  };
  if (!truth_.contains(read.partition, read.standing, required)) required = came_along(read);
  if (!truth_.contains(read.partition, read.standing, required)) {
    return wrong("it had to show " + to_string(required));
  }
  Position from = required;
  if (read.asked.level == ReadLevel::session) {
    if (!truth_.contains(read.partition, read.standing, read.asked.seen)) {
      return wrong("the session had seen " + to_string(read.asked.seen));
    }
    if (read.asked.seen.sequence > from.sequence) from = read.asked.seen;
  }
  // What the key was at `from`, and all that it became until `standing`.
  const Truth::Change* at_from = nullptr;
  std::vector<const Truth::Change*> candidates;
  const auto changes = truth_.changes_of(read.partition, read.key, read.standing);
  for (const Truth::Change& change : changes) {
    if (change.position.sequence <= from.sequence) {
      at_from = &change;
    } else {
      candidates.push_back(&change);
    }
  }
  candidates.push_back(at_from);
  const bool possible = std::ranges::any_of(candidates, [&](const Truth::Change* change) {
    const bool deleted = change == nullptr || change->mutation->kind == Mutation::Kind::del;
    if (read.version) return !deleted && change->position == *read.version;
    if (deleted) return true;
    const UnixMillis expires = change->mutation->record.expires_at;
    return expires != kNoExpiry && expires <= read.latest_time;
  });
  if (!possible) wrong("that is not what it was from " + to_string(from) + " on");
}

void Checks::check_counters(std::string_view prefix) {
  for (std::size_t i = 0; i < map_->entries.size(); ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    for (const std::string& key : truth_.keys(partition)) {
      if (!key.starts_with(prefix)) continue;
      std::int64_t expected = 0;
      for (const Truth::Change& change : truth_.changes_of(partition, key, survived(partition))) {
        if (change.mutation->record.value.view() == std::to_string(++expected)) continue;
        fail("counters",
             fmt::format("{} stands at {} after {} increments", key, change.mutation->record.value.view(), expected));
      }
    }
  }
}

// --- What writers were told ---

void Checks::check_losses_told(const std::vector<Memory>& clients) {
  for (const Memory& client : clients) {
    std::set<std::pair<PartitionId, Position>> told;
    for (const Memory::Told& loss : client.told) {
      // A batch has one version for all its keys.
      const std::set<Position> versions(loss.versions.begin(), loss.versions.end());
      for (const Position position : versions) {
        if (!told.emplace(loss.partition, position).second) {
          fail("losses told", fmt::format("{} was told twice that {} of partition {} is lost", client.client,
                                          to_string(position), loss.partition.value()));
        }
        const bool survives = truth_.contains(loss.partition, survived(loss.partition), position);
        if (!survives || left_behind(loss.partition, position)) continue;
        fail("losses told", fmt::format("{} was told that {} of partition {} is lost, but it survived", client.client,
                                        to_string(position), loss.partition.value()));
      }
    }
  }
  if (const auto missing = untold(clients)) fail("losses told", *missing);
}

std::optional<std::string> Checks::untold(const std::vector<Memory>& clients) const {
  for (const Memory& client : clients) {
    for (const Memory::Written& written : client.written) {
      if (!owes_word(client, written)) continue;
      return fmt::format("{} was not told that {} of partition {}, acknowledged to it, is lost", client.client,
                         to_string(written.version), written.partition.value());
    }
  }
  return std::nullopt;
}

// Of a loss that it could know of while it remembered the write, it must have been told; if it was told late, only that
// there is more.
bool Checks::owes_word(const Memory& client, const Memory::Written& written) const {
  if (truth_.contains(written.partition, survived(written.partition), written.version)) return false;
  const TermBegun* loss = left_behind_by(written.partition, written.version);
  if (loss == nullptr) return false;
  const auto learnt = std::ranges::find_if(client.learnt, [&](const Memory::Learnt& map) {
    return map.partition == written.partition && map.term >= loss->term;
  });
  if (learnt == client.learnt.end() || learnt->at - written.at > kRemembered) return false;
  return std::ranges::none_of(client.told, [&](const Memory::Told& told) {
    if (told.partition != written.partition) return false;
    if (std::ranges::find(told.versions, written.version) != told.versions.end()) return true;
    return told.more && told.at - written.at > kRemembered;
  });
}

void Checks::check_refused(const std::vector<RefusedWrite>& refused) {
  std::map<messages::WriteId, const RefusedWrite*> ids;
  std::map<std::pair<std::string, std::string>, const RefusedWrite*> values;
  for (const RefusedWrite& write : refused) {
    for (const messages::WriteId& id : write.ids) ids[id] = &write;
    for (const auto& value : write.values) values[value] = &write;
  }
  const auto look = [&](PartitionId partition, Position position, const messages::WriteId& id,
                        const std::vector<Mutation>& mutations, std::string_view where) {
    const RefusedWrite* found = ids.contains(id) ? ids.at(id) : nullptr;
    for (const Mutation& mutation : mutations) {
      const auto value = values.find({mutation.key.str(), mutation.record.value.str()});
      if (value != values.end()) found = value->second;
    }
    if (found == nullptr) return;
    fail("surely not applied", fmt::format("{} was told that a write is surely not applied, but it is {} at {} of "
                                           "partition {}",
                                           found->client, where, to_string(position), partition.value()));
  };
  truth_.for_each([&](PartitionId partition, const messages::LoggedWrite& write) {
    look(partition, write.position, write.id, write.mutations, "in a history");
  });
  const auto named = ledgers();
  if (!named) return;
  for (const auto& [place, write] : named->writes) {
    look(place.first, place.second, write.id, write.mutations, "in a ledger");
  }
}

// --- Ledgers ---

void Checks::Ledgers::add(std::optional<NodeIndex> holder, const messages::LostItem& item) {
  if (const auto* range = std::get_if<LostRange>(&item.loss)) return ranges.push_back(*range);
  const auto& write = std::get<LostWrite>(item.loss);
  auto& of_write = holders[{write.partition, write.position}];
  if (holder) of_write[*holder] = write.reapplied;
  const auto [known, is_new] = writes.try_emplace({write.partition, write.position}, write);
  if (!is_new) known->second.reapplied = known->second.reapplied || write.reapplied;
}

// What was in ledgers that are gone with their disks had been told all the same.
std::optional<Checks::Ledgers> Checks::ledgers() {
  Ledgers all;
  for (NodeIndex node = 0; node < nodes_.size(); ++node) {
    const SimLedger& ledger = nodes_[node]->disk().ledger();
    const auto page = ledger.page(0, ~std::size_t{0});
    if (!page) {
      fail("ledgers", "a ledger cannot be read: " + page.error().to_string());
      return std::nullopt;
    }
    for (const messages::LostItem& item : page->items) all.add(node, item);
    for (const messages::LostItem& item : ledger.gone()) all.add(std::nullopt, item);
  }
  return all;
}

void Checks::check_ledgers(bool all_present) {
  const auto named = ledgers();
  if (!named) return;
  check_named(*named);
  if (all_present) check_retries(*named);
  lost_acknowledged_ = 0;
  for (const Acknowledged& write : acknowledged_) {
    if (truth_.contains(write.partition, survived(write.partition), write.position)) continue;
    ++lost_acknowledged_;
    check_named_somewhere(*named, write, all_present);
  }
}

void Checks::check_named(const Ledgers& ledgers) {
  for (const auto& [place, write] : ledgers.writes) {
    const auto& [partition, position] = place;
    const messages::LoggedWrite* applied = truth_.find(partition, position);
    if (applied == nullptr || applied->id != write.id || applied->mutations.size() != write.mutations.size()) {
      fail("ledgers", fmt::format("the ledger names {} of partition {}, but that write was another one",
                                  to_string(position), partition.value()));
    }
    // A later election may bring it back, where all that had left it behind lost their data.
    const bool survives = truth_.contains(partition, survived(partition), position);
    if (!write.reapplied && survives && !left_behind(partition, position)) {
      fail("ledgers", fmt::format("the ledger says that {} of partition {} is lost, but it survived",
                                  to_string(position), partition.value()));
    }
  }
  for (const LostRange& range : ledgers.ranges) {
    for (const Acknowledged& write : acknowledged_) {
      const bool named = write.partition == range.partition && write.position.term == range.term &&
                         write.position.sequence >= range.first && write.position.sequence <= range.last;
      if (!named || !truth_.contains(write.partition, survived(write.partition), write.position)) continue;
      if (left_behind(write.partition, write.position)) continue;
      fail("ledgers", fmt::format("the ledger says that {} of partition {} is in a lost range, but it survived",
                                  to_string(write.position), write.partition.value()));
    }
  }
}

// Who has a write in its ledger and holds its retry has to say so, however it was given it, unless the retry came while
// it was no member.
void Checks::check_retries(const Ledgers& ledgers) {
  for (const auto& [place, write] : ledgers.writes) {
    if (!write.id.given()) continue;
    if (write.reapplied) check_brought_back(ledgers, write);
    for (const Position retry : truth_.written_as(write.partition, write.id)) {
      if (retry.term <= write.position.term) continue;
      if (!truth_.contains(write.partition, survived(write.partition), retry)) continue;
      for (const auto& [node, marked] : ledgers.holders.at(place)) {
        if (marked || !truth_.holds(node, write.partition, retry)) continue;
        if (truth_.was_no_member(node, write.partition)) continue;
        fail("ledgers",
             fmt::format("the ledger of {} says that {} of partition {} is lost, but it holds its retry {}",
                         nodes_[node]->id().str(), to_string(write.position), write.partition.value(),
                         to_string(retry)));
      }
    }
  }
}

// Something written later with its id survives, or is named in its turn.
void Checks::check_brought_back(const Ledgers& ledgers, const LostWrite& write) {
  const auto accounted = [&](Position retry) {
    if (retry.term <= write.position.term) return false;
    if (truth_.contains(write.partition, survived(write.partition), retry)) return true;
    if (ledgers.writes.contains({write.partition, retry})) return true;
    return std::ranges::any_of(ledgers.ranges,
                               [&](const LostRange& range) { return in_range(range, write.partition, retry); });
  };
  if (std::ranges::any_of(truth_.written_as(write.partition, write.id), accounted)) return;
  fail("ledgers", fmt::format("the ledger says that {} of partition {} has come back, but no retry of it is there",
                              to_string(write.position), write.partition.value()));
}

void Checks::check_named_somewhere(const Ledgers& ledgers, const Acknowledged& write, bool all_present) {
  if (ledgers.writes.contains({write.partition, write.position})) return;
  // A member that is away may still bring what a range of unknown length stands for until then.
  const auto covers = [&](const LostRange& range) {
    const bool open_ended = !all_present && range.last == messages::kUnknownLast &&
                            range.partition == write.partition && range.term == write.position.term &&
                            range.first <= write.position.sequence;
    return open_ended || in_range(range, write.partition, write.position);
  };
  if (std::ranges::any_of(ledgers.ranges, covers)) return;
  const auto& deposed = map_->entry(write.partition).deposed;
  const auto open = [&](const ring::DeposedPrimary& primary) { return primary.term >= write.position.term; };
  if (std::ranges::any_of(deposed, open)) return;
  fail("ledgers", fmt::format("{} of partition {} was acknowledged and is lost, and no ledger names it",
                              to_string(write.position), write.partition.value()));
}

bool Checks::in_range(const LostRange& range, PartitionId partition, Position position) const {
  if (range.partition != partition || range.term != position.term || range.first > position.sequence) return false;
  if (position.sequence <= range.last) return true;
  // How far it went nobody may have heard of, where the data itself is gone.
  for (NodeIndex node = 0; node < nodes_.size(); ++node) {
    const bool given_up = given_up_.contains(nodes_[node]->id());
    const bool had = truth_.ever_held(node, partition, position);
    if (had && !given_up && !truth_.lost_by_death(node, partition, position) &&
        !truth_.left_to_others(node, partition, position)) {
      return false;
    }
  }
  return true;
}

}  // namespace gyre::simulation
