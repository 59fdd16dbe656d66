#include "tests/simulation/checks.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

namespace gyre::simulation {

using messages::GetRequest;
using messages::LostRange;
using messages::LostWrite;
using messages::Mutation;
using messages::ReadLevel;
using messages::ScanRequest;
using messages::WriteRequest;

namespace {

// Clocks of the simulation differ by less than this from the world's.
constexpr double kDriftMax = 1.03;
constexpr auto kTimeSlack = std::chrono::milliseconds(50);

bool needs_right(const messages::ReadConsistency& read) {
  return read.level == ReadLevel::primary || read.level == ReadLevel::linearizable;
}

std::string name(NodeIndex node) { return fmt::format("n{}", node + 1); }

}  // namespace

NodeIndex Checks::index_of(const NodeId& node) const {
  const auto found = std::ranges::find_if(nodes_, [&](const auto& each) { return each->id() == node; });
  return static_cast<NodeIndex>(found - nodes_.begin());
}

bool Checks::has_data(const ring::InSyncMember& member) const {
  return nodes_[index_of(member.node)]->disk().generation_to_be() == member.generation;
}

Position Checks::survived(PartitionId partition) const {
  const NodeId& primary = map_->entry(partition).primary;
  return primary.empty() ? Position{} : truth_.held(index_of(primary), partition).position;
}

// --- As it happens ---

Checks::Arrival Checks::on_request(NodeIndex node, const messages::RequestBody& request) {
  Arrival arrival{scheduler_.now(), {}};
  const auto* write = std::get_if<WriteRequest>(&request);
  if (map_ && write) arrival.position = truth_.held(node, partition_of(write->operations.front().key)).position;
  return arrival;
}

void Checks::on_answer(NodeIndex node, const messages::RequestBody& request, const Arrival& arrival,
                       const messages::ResponseBody& answer) {
  if (!map_) return;
  if (const auto* write = std::get_if<WriteRequest>(&request)) on_answer(node, *write, arrival, answer);
  if (const auto* get = std::get_if<GetRequest>(&request)) on_answer(node, *get, arrival, answer);
  if (const auto* scan = std::get_if<ScanRequest>(&request)) on_answer(node, *scan, arrival, answer);
}

// --- Writes ---

void Checks::on_answer(NodeIndex node, const WriteRequest& write, const Arrival& arrival,
                       const messages::ResponseBody& answer) {
  const PartitionId partition = partition_of(write.operations.front().key);
  const auto* error = std::get_if<Error>(&answer);
  const auto* written = std::get_if<messages::WriteResponse>(&answer);
  const bool refused = error != nullptr && error->code == ErrorCode::condition_failed;
  if (!refused && written == nullptr) return;
  check_right_of(node, partition);
  const bool nothing_done = refused || std::ranges::none_of(written->outcomes, &messages::WriteOutcome::changed);
  if (!nothing_done) return on_written(node, write, *written);
  if (write.ack == messages::kAckAll) check_shown_by_all(node, write, arrival);
}

// The answer shows what the keys are, so what made them so must be held by all.
void Checks::check_shown_by_all(NodeIndex node, const WriteRequest& write, const Arrival& arrival) {
  const PartitionId partition = partition_of(write.operations.front().key);
  if (write.operations.size() > 1) return;
  const auto changes = truth_.changes_of(partition, write.operations.front().key, arrival.position);
  if (!changes.empty()) check_held_by_all(node, partition, changes.back().position, "shows what came of");
}

void Checks::on_written(NodeIndex node, const WriteRequest& write, const messages::WriteResponse& answer) {
  const PartitionId partition = partition_of(write.operations.front().key);
  const auto changed = std::ranges::find_if(answer.outcomes, &messages::WriteOutcome::changed);
  const Acknowledged acknowledged{partition, changed->version, write.ack, scheduler_.now(), write.id};
  const messages::LoggedWrite* applied = truth_.find(partition, acknowledged.position);
  if (applied == nullptr) {
    return fail_(fmt::format("{} acknowledges {} of partition {}, which nobody applied", name(node),
                             to_string(acknowledged.position), partition.value()));
  }
  if (write.id.given() && (applied->id != write.id || applied->outcomes != answer.outcomes)) {
    fail_(fmt::format("{} answers the write {} of partition {} with another one's outcome", name(node),
                      to_string(acknowledged.position), partition.value()));
  }
  check_holders(node, acknowledged);
  acknowledged_.push_back(acknowledged);
}

// What it decided while it had the right may still leave in the turn in which it gives it up.
void Checks::check_right_of(NodeIndex node, PartitionId partition) {
  if (nodes_[node]->serves(partition)) return;
  scheduler_.after(Duration(0), [this, node, partition, when = scheduler_.now()] {
    if (nodes_[node]->stopped_serving_at(partition, when)) return;
    fail_(fmt::format("{} answered as primary of partition {} without the right to serve", name(node),
                      partition.value()));
  });
}

void Checks::check_held_by_all(NodeIndex node, PartitionId partition, Position position, std::string_view what) {
  for (const ring::InSyncMember& member : map_->entry(partition).in_sync) {
    const NodeIndex index = index_of(member.node);
    if (!has_data(member) || truth_.holds(index, partition, position)) continue;
    fail_(fmt::format("{} {} {} of partition {} by all, but {} is in sync and lacks it", name(node), what,
                      to_string(position), partition.value(), name(index)));
  }
}

void Checks::check_holders(NodeIndex node, const Acknowledged& write) {
  std::size_t holders = 0;
  for (NodeIndex i = 0; i < nodes_.size(); ++i) {
    if (truth_.ever_held(i, write.partition, write.position)) ++holders;
  }
  const std::size_t wanted = write.ack == messages::kAckAll ? map_->shape.min_in_sync : write.ack;
  if (holders < wanted) {
    fail_(fmt::format("{} acknowledges {} of partition {}: {} members had it, {} were asked for", name(node),
                      to_string(write.position), write.partition.value(), holders, wanted));
  }
  if (write.ack != messages::kAckAll) return;
  check_held_by_all(node, write.partition, write.position, "acknowledges");
  Position& last = by_all_[write.partition];
  if (last.sequence < write.position.sequence) last = write.position;
}

// --- Reads ---

WorldTime Checks::fresh_since(const messages::ReadConsistency& read, WorldTime arrived) const {
  switch (read.level) {
    case ReadLevel::primary:
    case ReadLevel::linearizable: return arrived;
    case ReadLevel::bounded:
      return scheduler_.now() -
             Duration(static_cast<std::int64_t>(static_cast<double>(read.bound.count()) * kDriftMax));
    case ReadLevel::session:
    case ReadLevel::any: break;
  }
  return WorldTime::min();
}

// What partition time may have been here at most: what was said, or what this node's clocks say if it decides.
UnixMillis Checks::latest_time(NodeIndex node, PartitionId partition) const {
  UnixMillis latest;
  if (const auto heard = partition_times_.find(partition); heard != partition_times_.end()) {
    const double since = static_cast<double>((scheduler_.now() - heard->second.at).count()) * kDriftMax;
    latest.value = heard->second.time.value + to_ms(Duration(static_cast<std::int64_t>(since)) + kTimeSlack);
  }
  latest = std::max(latest, truth_.held(node, partition).time);
  if (map_->entry(partition).primary == nodes_[node]->id()) {
    latest = std::max(latest, nodes_[node]->latest_time());
  }
  return latest;
}

void Checks::on_answer(NodeIndex node, const GetRequest& get, const Arrival& arrival,
                       const messages::ResponseBody& answer) {
  const PartitionId partition = partition_of(get.key);
  if (const auto* error = std::get_if<Error>(&answer); error && error->code == ErrorCode::session_lost) {
    losses_told_.push_back({partition, get.read.seen});
  }
  const auto* got = std::get_if<messages::GetResponse>(&answer);
  if (got == nullptr) return;
  std::optional<Position> version;
  if (got->record) version = got->record->version;
  if (needs_right(get.read)) check_right_of(node, partition);
  if (get.read.level == ReadLevel::linearizable && version) check_held_by_all(node, partition, *version, "shows");
  reads_.push_back({node, partition, get.key, get.read, got->standing.position, version,
                    fresh_since(get.read, arrival.at), scheduler_.now(), latest_time(node, partition)});
}

void Checks::on_answer(NodeIndex node, const ScanRequest& scan, const Arrival& arrival,
                       const messages::ResponseBody& response) {
  const auto* page = std::get_if<messages::ScanResponse>(&response);
  if (page == nullptr) return;
  const messages::ScanResponse& answer = *page;
  if (needs_right(scan.read)) check_right_of(node, scan.partition);
  const auto add = [&](Bytes key, std::optional<Position> version) {
    reads_.push_back({node, scan.partition, std::move(key), scan.read, answer.standing.position, version,
                      fresh_since(scan.read, arrival.at), scheduler_.now(), latest_time(node, scan.partition)});
  };
  std::size_t at = 0;
  for (const std::string& key : truth_.keys(scan.partition)) {
    if (!key.starts_with(scan.prefix.view()) || key <= scan.after.view()) continue;
    while (at < answer.items.size() && answer.items[at].key.view() < key) ++at;
    if (at < answer.items.size() && answer.items[at].key.view() == key) {
      add(answer.items[at].key, answer.items[at].record.version);
    } else if (at < answer.items.size() || !answer.more) {
      add(Bytes::copy_of(key), std::nullopt);
    }
  }
}

void Checks::on_sent(NodeIndex node, const messages::Message& message) {
  if (const auto* ack = std::get_if<messages::AppendAck>(&message); ack && !ack->refused) {
    const auto known = nodes_[node]->map_before_turn();
    if (known && ack->term < known->entry(ack->partition).term) {
      fail_(fmt::format("{} gives a lease to the primary of term {} of partition {}, but knows a newer one", name(node),
                        ack->term.value(), ack->partition.value()));
    }
  }
  const auto* append = std::get_if<messages::Append>(&message);
  if (append == nullptr) return;
  TimeHeard& heard = partition_times_[append->partition];
  if (append->time > heard.time) heard = {append->time, scheduler_.now()};
}

void Checks::on_died(NodeIndex, Death death) {
  if (death != Death::process) note_total_losses();
}

void Checks::note_total_losses() {
  if (!map_) return;
  for (std::size_t i = 0; i < map_->entries.size(); ++i) {
    const ring::PartitionEntry& entry = map_->entries[i];
    if (entry.primary.empty()) continue;
    const bool lives = std::ranges::any_of(entry.in_sync, [&](const auto& member) { return has_data(member); });
    if (!lives) total_losses_[PartitionId(static_cast<std::uint16_t>(i))] = scheduler_.now();
  }
}

bool Checks::total_loss_since(PartitionId partition, WorldTime since) const {
  const auto found = total_losses_.find(partition);
  return found != total_losses_.end() && found->second >= since;
}

void Checks::on_swapped(const ring::ClusterMap* before, const ring::ClusterMap& after) {
  map_ = after;
  for (std::size_t i = 0; i < after.entries.size(); ++i) {
    if (before != nullptr && before->entries[i] == after.entries[i]) continue;
    const PartitionId id(static_cast<std::uint16_t>(i));
    note_term(id, after.entries[i]);
    check_entry(id, after.entries[i]);
  }
  note_total_losses();
}

void Checks::note_term(PartitionId id, const ring::PartitionEntry& entry) {
  const ring::InSyncMember* primary = entry.find_in_sync(entry.primary);
  if (primary == nullptr || !has_data(*primary)) return;
  std::vector<TermBegun>& terms = terms_[id];
  if (!terms.empty() && terms.back().term == entry.term) return;
  terms.push_back({entry.term, scheduler_.now(), truth_.held(index_of(entry.primary), id).position});
}

// A later term began without it. It may have come back since: where no in-sync member has its data any more, one that
// had left the set may win.
bool Checks::left_behind(PartitionId id, Position position) const {
  const auto terms = terms_.find(id);
  return terms != terms_.end() && std::ranges::any_of(terms->second, [&](const TermBegun& begun) {
           return begun.term > position.term && !truth_.contains(id, begun.from, position);
         });
}

// The primary had streamed it, and lost it when its machine died, before it was synced there and so acknowledged.
bool Checks::lost_unacknowledged(NodeIndex primary, PartitionId id, Position held) const {
  const Position left = truth_.held(primary, id).position;
  return truth_.lost_by_death(primary, id, held) && std::ranges::none_of(acknowledged_, [&](const auto& write) {
           return write.partition == id && truth_.contains(id, held, write.position) &&
                  !truth_.contains(id, left, write.position);
         });
}

void Checks::check_entry(PartitionId id, const ring::PartitionEntry& entry) {
  if (entry.primary.empty()) return;
  const ring::InSyncMember* primary = entry.find_in_sync(entry.primary);
  const NodeIndex primary_index = index_of(entry.primary);
  if (primary == nullptr || !has_data(*primary)) return;
  const Position position = truth_.held(primary_index, id).position;
  for (const ring::InSyncMember& member : entry.in_sync) {
    const NodeIndex index = index_of(member.node);
    if (!has_data(member)) continue;
    const Position held = truth_.held(index, id).position;
    if (!truth_.contains(id, position, held) && !lost_unacknowledged(primary_index, id, held)) {
      fail_(fmt::format("{} is primary of partition {} at {} in term {}, but {} is in sync at {}", name(primary_index),
                        id.value(), to_string(position), entry.term.value(), name(index), to_string(held)));
    }
    if (truth_.held(index, id).whole_at > held.sequence) {
      fail_(fmt::format("{} is in sync in partition {}, but is not whole", name(index), id.value()));
    }
    if (const Position by_all = by_all_[id]; !total_losses_.contains(id) && !truth_.holds(index, id, by_all)) {
      fail_(fmt::format("{} is in sync in partition {} at {}, but lacks {}, which all had acknowledged", name(index),
                        id.value(), to_string(held), to_string(by_all)));
    }
    compare_contents(index, id);
  }
}

void Checks::check_right_to_serve() {
  if (!map_) return;
  for (std::size_t i = 0; i < map_->entries.size(); ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    const SimNode* serving = nullptr;
    for (const auto& node : nodes_) {
      if (!node->serves(partition)) continue;
      if (serving != nullptr) {
        fail_(fmt::format("{} and {} both hold the right to serve partition {}", serving->id().str(), node->id().str(),
                          i));
      }
      serving = node.get();
    }
  }
}

void Checks::check_contents() {
  if (!map_) return;
  for (NodeIndex node = 0; node < nodes_.size(); ++node) {
    for (std::size_t i = 0; i < map_->entries.size(); ++i) {
      compare_contents(node, PartitionId(static_cast<std::uint16_t>(i)));
    }
  }
}

void Checks::compare_contents(NodeIndex node, PartitionId partition) {
  const messages::PartitionState& state = truth_.held(node, partition);
  if (state.whole_at > state.position.sequence) return;
  const auto expected = truth_.contents(partition, state.position);
  const storage::ScanRange everything{.items_max = ~std::size_t{0}, .bytes_max = ~std::size_t{0}};
  const auto found = nodes_[node]->disk().store().scan(partition, everything, UnixMillis{1});
  if (!found) return fail_("a store cannot be read: " + found.error().to_string());
  const auto wrong = [&](std::string_view key, std::string_view what) {
    fail_(fmt::format("{} holds partition {} at {}, but its key {} {}", name(node), partition.value(),
                      to_string(state.position), key, what));
  };
  auto item = found->items.begin();
  for (const auto& [key, record] : expected) {
    if (item != found->items.end() && item->key.view() < key) return wrong(item->key, "should not be there");
    if (item == found->items.end() || item->key.view() != key) {
      const bool expired = record.expires_at != kNoExpiry && record.expires_at <= latest_time(node, partition);
      if (!expired) return wrong(key, "is missing");
      continue;
    }
    const messages::Record& held = item->record;
    if (held.value != record.value || held.version != record.version || held.expires_at != record.expires_at) {
      return wrong(key, fmt::format("has version {}, not {}", to_string(held.version), to_string(record.version)));
    }
    ++item;
  }
  if (item != found->items.end()) wrong(item->key, "should not be there");
}

// --- At the end ---

void Checks::check_answers() {
  // By partition: when what survived was acknowledged, and how far it reached then.
  std::map<PartitionId, std::vector<std::pair<WorldTime, Position>>> reached;
  std::ranges::stable_sort(acknowledged_, {}, &Acknowledged::at);
  for (const Acknowledged& write : acknowledged_) {
    if (truth_.contains(write.partition, survived(write.partition), write.position)) {
      auto& points = reached[write.partition];
      const Position last = points.empty() ? Position{} : points.back().second;
      points.emplace_back(write.at, last.sequence < write.position.sequence ? write.position : last);
    } else if (write.ack == messages::kAckAll && !total_loss_since(write.partition, write.at)) {
      fail_(fmt::format("{} of partition {} was acknowledged by all and is lost", to_string(write.position),
                        write.partition.value()));
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
    fail_(fmt::format("a session was told that {} of partition {} is lost, but it survived", to_string(told.seen),
                      told.partition.value()));
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
    fail_(fmt::format("a {} read of {} in partition {} by {} showed {} at {}: {}",
                      kLevels[static_cast<int>(read.asked.level)], read.key.view(), read.partition.value(),
                      name(read.node), read.version ? to_string(*read.version) : "nothing", to_string(read.standing),
                      what));
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
        fail_(fmt::format("{} stands at {} after {} increments", key, change.mutation->record.value.view(), expected));
      }
    }
  }
}

void Checks::check_losses_told(const std::vector<std::pair<PartitionId, Position>>& losses) {
  for (const auto& [partition, position] : losses) {
    if (!truth_.contains(partition, survived(partition), position) || left_behind(partition, position)) continue;
    fail_(fmt::format("a writer was told that {} of partition {} is lost, but it survived", to_string(position),
                      partition.value()));
  }
}

void Checks::check_ledgers(bool all_present) {
  std::map<std::pair<PartitionId, Position>, LostWrite> writes;
  std::vector<LostRange> ranges;
  for (const auto& node : nodes_) {
    const auto page = node->disk().ledger().page(0, ~std::size_t{0});
    if (!page) return fail_("a ledger cannot be read: " + page.error().to_string());
    for (const messages::LostItem& item : page->items) {
      if (const auto* range = std::get_if<LostRange>(&item.loss)) {
        ranges.push_back(*range);
        continue;
      }
      const auto& write = std::get<LostWrite>(item.loss);
      const auto [known, is_new] = writes.try_emplace({write.partition, write.position}, write);
      if (!is_new) known->second.reapplied = known->second.reapplied || write.reapplied;
    }
  }
  for (const auto& [place, write] : writes) {
    const auto& [partition, position] = place;
    const messages::LoggedWrite* applied = truth_.find(partition, position);
    if (applied == nullptr || applied->id != write.id || applied->mutations.size() != write.mutations.size()) {
      fail_(fmt::format("the ledger names {} of partition {}, but that write was another one", to_string(position),
                        partition.value()));
    }
    if (!write.reapplied && truth_.contains(partition, survived(partition), position)) {
      fail_(fmt::format("the ledger says that {} of partition {} is lost, but it survived", to_string(position),
                        partition.value()));
    }
  }
  for (const LostRange& range : ranges) {
    for (const Acknowledged& write : acknowledged_) {
      const bool named = write.partition == range.partition && write.position.term == range.term &&
                         write.position.sequence >= range.first && write.position.sequence <= range.last;
      if (!named || !truth_.contains(write.partition, survived(write.partition), write.position)) continue;
      fail_(fmt::format("the ledger says that {} of partition {} is in a lost range, but it survived",
                        to_string(write.position), write.partition.value()));
    }
  }
  lost_acknowledged_ = 0;
  for (const Acknowledged& write : acknowledged_) {
    const auto& [partition, position, ack, at, id] = write;
    if (truth_.contains(partition, survived(partition), position)) continue;
    ++lost_acknowledged_;
    if (writes.contains({partition, position})) continue;
    const bool in_range = std::ranges::any_of(ranges, [&](const LostRange& range) {
      if (range.partition != partition || range.term != position.term || range.first > position.sequence) return false;
      // How far it went nobody may have heard of, where the data itself is gone.
      bool gone = true;
      for (NodeIndex node = 0; node < nodes_.size(); ++node) {
        if (truth_.ever_held(node, partition, position)) gone = gone && truth_.lost_by_death(node, partition, position);
      }
      return gone || position.sequence <= range.last;
    });
    const auto& deposed = map_->entry(partition).deposed;
    const bool open = !all_present && std::ranges::any_of(deposed, [&](const ring::DeposedPrimary& primary) {
      return primary.term >= position.term;
    });
    if (in_range || open) continue;
    fail_(fmt::format("{} of partition {} was acknowledged and is lost, and no ledger names it", to_string(position),
                      partition.value()));
  }
}

}  // namespace gyre::simulation
