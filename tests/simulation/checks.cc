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

}  // namespace

Position Checks::survived(PartitionId partition) const {
  const NodeId& primary = map_->entry(partition).primary;
  return primary.empty() ? Position{} : truth_.held(index_of(nodes_, primary), partition).position;
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
  check_right_of(node, partition, arrival);
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
    return fail("acknowledgement", fmt::format("{} acknowledges {} of partition {}, which nobody applied",
                                               name_of(node), to_string(acknowledged.position), partition.value()));
  }
  if (write.id.given() && (applied->id != write.id || applied->outcomes != answer.outcomes)) {
    fail("acknowledgement", fmt::format("{} answers the write {} of partition {} with another one's outcome",
                                        name_of(node), to_string(acknowledged.position), partition.value()));
  }
  promises_.on_acknowledged(node, {partition, acknowledged.position, write.ack}, map_->shape.min_in_sync);
  acknowledged_.push_back(acknowledged);
  if (write.ack != messages::kAckAll) return;
  check_held_by_all(node, partition, acknowledged.position, "acknowledges");
  Position& last = by_all_[partition];
  if (last.sequence < acknowledged.position.sequence) last = acknowledged.position;
}

// What it decided while it had the right may still leave in the turn in which it gives it up, or after a pause that
// came in between.
void Checks::check_right_of(NodeIndex node, PartitionId partition, const Arrival& arrival) {
  if (nodes_[node]->serves(partition) || arrival.answered_at < scheduler_.now()) return;
  scheduler_.after(Duration(0), [this, node, partition, when = scheduler_.now()] {
    if (nodes_[node]->stopped_serving_at(partition, when)) return;
    fail("right to serve", fmt::format("{} answered as primary of partition {} without the right to serve",
                                       name_of(node), partition.value()));
  });
}

void Checks::check_held_by_all(NodeIndex node, PartitionId partition, Position position, std::string_view what) {
  for (const ring::InSyncMember& member : map_->entry(partition).in_sync) {
    const NodeIndex index = index_of(nodes_, member.node);
    if (!has_data(nodes_, member) || truth_.holds(index, partition, position)) continue;
    fail("held by all", fmt::format("{} {} {} of partition {} by all, but {} is in sync and lacks it", name_of(node),
                                    what, to_string(position), partition.value(), name_of(index)));
  }
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

UnixMillis Checks::gone_on(const TimeHeard& heard) const {
  const double since = static_cast<double>((scheduler_.now() - heard.at).count()) * kDriftMax;
  return {heard.time.value + to_ms(Duration(static_cast<std::int64_t>(since)))};
}

// What partition time may have been here at most: what was said, or what this node's clocks say if it decides.
UnixMillis Checks::latest_time(NodeIndex node, PartitionId partition) const {
  UnixMillis latest;
  if (const auto heard = partition_times_.find(partition); heard != partition_times_.end()) {
    latest.value = gone_on(heard->second).value + to_ms(kTimeSlack);
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
  if (needs_right(get.read)) check_right_of(node, partition, arrival);
  if (get.read.level == ReadLevel::linearizable && version) check_held_by_all(node, partition, *version, "shows");
  reads_.push_back({node, partition, get.key, get.read, got->standing.position, version,
                    fresh_since(get.read, arrival.at), scheduler_.now(), latest_time(node, partition)});
}

void Checks::on_answer(NodeIndex node, const ScanRequest& scan, const Arrival& arrival,
                       const messages::ResponseBody& response) {
  const auto* page = std::get_if<messages::ScanResponse>(&response);
  if (page == nullptr) return;
  const messages::ScanResponse& answer = *page;
  if (needs_right(scan.read)) check_right_of(node, scan.partition, arrival);
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
      fail("leases", fmt::format("{} gives a lease to the primary of term {} of partition {}, but knows a newer one",
                                 name_of(node), ack->term.value(), ack->partition.value()));
    }
  }
  if (const auto* answer = std::get_if<messages::RetireAnswer>(&message)) {
    truth_.note_said_held(node, answer->partition, answer->held);
  }
  const auto* append = std::get_if<messages::Append>(&message);
  if (append == nullptr || !append->serving) return;
  TimeHeard& heard = partition_times_[append->partition];
  // One that is behind says nothing of those who have heard a later time.
  const Duration since = scheduler_.now() - heard.at;
  const auto slowest = Duration(static_cast<std::int64_t>(static_cast<double>(since.count()) / kDriftMax));
  if (append->time.value >= heard.time.value + to_ms(slowest - kTimeSlack)) heard = {append->time, scheduler_.now()};
}

void Checks::on_died(NodeIndex node, Death death) {
  standing_.on_died(node);
  if (death != Death::process) note_total_losses();
}

void Checks::note_total_losses() {
  if (!map_) return;
  for (std::size_t i = 0; i < map_->entries.size(); ++i) {
    const ring::PartitionEntry& entry = map_->entries[i];
    if (entry.primary.empty()) continue;
    const PartitionId partition(static_cast<std::uint16_t>(i));
    const bool lives = std::ranges::any_of(entry.in_sync, [&](const auto& member) { return has_data(nodes_, member); });
    if (total_losses_.note(partition, !lives, scheduler_.now())) by_all_.erase(partition);
  }
}

// --- The coordinator ---

void Checks::on_coordinator_runs(std::optional<Duration> rested) {
  standing_.on_coordinator_runs(rested);
  if (!rested) appointments_.on_coordinator_starts();
}

void Checks::on_coordinator_sent(const NodeId& to, const messages::Message& message) {
  standing_.on_coordinator_sent(to, message);
  appointments_.on_coordinator_sent(message);
  moves_.on_coordinator_sent(message);
}

void Checks::on_coordinator_reached(const NodeId& from, const messages::Message* message) {
  standing_.on_coordinator_reached(from, message);
  if (message == nullptr) return;
  appointments_.on_coordinator_reached(from, *message);
  moves_.on_coordinator_reached(from, *message);
}

void Checks::on_swapped(std::uint64_t decision, const ring::ClusterMap* before, const ring::ClusterMap& after) {
  map_ = after;
  for (const ring::NodeInfo& node : after.nodes) {
    if (node.membership == ring::Membership::gone) given_up_.insert(node.id);
  }
  const Standing::Decision decided = standing_.at(decision);
  if (before != nullptr) {
    appointments_.on_swapped(*before, after);
    moves_.on_swapped(*before, after);
  }
  for (std::size_t i = 0; i < after.entries.size(); ++i) {
    if (before != nullptr && before->entries[i] == after.entries[i]) continue;
    const PartitionId id(static_cast<std::uint16_t>(i));
    note_term(id, after.entries[i], decided);
    check_entry(id, after.entries[i]);
  }
  standing_.on_stored(after);
  note_total_losses();
}

void Checks::note_term(PartitionId id, const ring::PartitionEntry& entry, const Standing::Decision& decision) {
  if (appointments_.unclean(id, entry)) {
    total_losses_.give_up(id, scheduler_.now());
    by_all_.erase(id);
  }
  const ring::InSyncMember* primary = entry.find_in_sync(entry.primary);
  if (primary == nullptr || !has_data(nodes_, *primary)) return;
  std::vector<TermBegun>& terms = terms_[id];
  if (!terms.empty() && terms.back().term == entry.term) return;
  const NodeIndex index = index_of(nodes_, entry.primary);
  terms.push_back({entry.term, scheduler_.now(), truth_.held(index, id).position});
  promises_.on_term(id, entry.term, index, decision, appointments_.unclean(id, entry));
}

// A later term began without it. It may have come back since: where no in-sync member has its data any more, one that
// had left the set may win.
const Checks::TermBegun* Checks::left_behind_by(PartitionId id, Position position) const {
  const auto terms = terms_.find(id);
  if (terms == terms_.end()) return nullptr;
  const auto found = std::ranges::find_if(terms->second, [&](const TermBegun& begun) {
    return begun.term > position.term && !truth_.contains(id, begun.from, position);
  });
  return found == terms->second.end() ? nullptr : &*found;
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
  const NodeIndex primary_index = index_of(nodes_, entry.primary);
  if (primary == nullptr || !has_data(nodes_, *primary)) return;
  const Position position = truth_.held(primary_index, id).position;
  for (const ring::InSyncMember& member : entry.in_sync) {
    const NodeIndex index = index_of(nodes_, member.node);
    if (!has_data(nodes_, member)) continue;
    const Position held = truth_.held(index, id).position;
    if (!truth_.contains(id, position, held) && !lost_unacknowledged(primary_index, id, held)) {
      fail("in-sync set", fmt::format("{} is primary of partition {} at {} in term {}, but {} is in sync at {}",
                                      name_of(primary_index), id.value(), to_string(position), entry.term.value(),
                                      name_of(index), to_string(held)));
    }
    if (truth_.held(index, id).whole_at > held.sequence) {
      fail("in-sync set", fmt::format("{} is in sync in partition {}, but is not whole", name_of(index), id.value()));
    }
    if (const Position by_all = by_all_[id]; !truth_.holds(index, id, by_all)) {
      fail("in-sync set", fmt::format("{} is in sync in partition {} at {}, but lacks {}, which all had acknowledged",
                                      name_of(index), id.value(), to_string(held), to_string(by_all)));
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
        fail("right to serve", fmt::format("{} and {} both hold the right to serve partition {}", serving->id().str(),
                                           node->id().str(), i));
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
  if (!found) return fail("contents", "a store cannot be read: " + found.error().to_string());
  const auto wrong = [&](std::string_view key, std::string_view what) {
    fail("contents", fmt::format("{} holds partition {} at {}, but its key {} {}", name_of(node), partition.value(),
                                 to_string(state.position), key, what));
  };
  auto item = found->items.begin();
  for (const auto& [key, record] : expected) {
    if (item != found->items.end() && item->key.view() < key) return wrong(item->key, "should not be there");
    if (item == found->items.end() || item->key.view() != key) {
      const bool expired = record.expires_at != kNoExpiry && record.expires_at <= latest_time(node, partition);
      if (!expired) {
        return wrong(key, fmt::format("is missing (it lives until {}, and it is {} at most)", record.expires_at.value,
                                      latest_time(node, partition).value));
      }
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

}  // namespace gyre::simulation
