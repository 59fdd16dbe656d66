#include "control/election.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.h"

namespace gyre::control {

namespace {

using Kind = CoordinatorEvent::Kind;

// A member that answers no poll is not waited for longer.
Duration poll_patience(const Timing& timing) { return timing.detection / 2; }
// Nor one that is heard and does not seal: its disk hangs, or its queue is long. Whoever holds what only two members
// have is among those waited for, so this is far above what a slow sync takes.
Duration seal_patience(const Timing& timing) { return timing.detection + timing.lease; }
// Of events about one suspect: a network that is cut for hours is not told every second.
constexpr Duration kSuspicionToldEvery = std::chrono::seconds(30);

// The evidence leaves nothing that a poll could find out.
bool skips_poll(Cause cause) { return cause != Cause::silent && cause != Cause::reported; }
bool excludes_primary(Cause cause) { return cause == Cause::cannot_go_on || cause == Cause::cut_off; }

// Where several hold the same: the order in which the target placement wants them.
std::vector<NodeId> preference(const View& view, PartitionId partition, Cause cause) {
  std::vector<NodeId> order;
  if (cause == Cause::open_promise) order.push_back(view.entry(partition).primary);
  if (partition.value() < view.state.target.partitions.size()) {
    const auto& wanted = view.wanted(partition);
    order.insert(order.end(), wanted.begin(), wanted.end());
  }
  return order;
}

}  // namespace

std::string why(Cause cause, const NodeId& primary) {
  const std::string& name = primary.str();
  switch (cause) {
    case Cause::silent: return fmt::format("{} is silent and no member hears it serve", name);
    case Cause::reported: return fmt::format("no member hears {} serve", name);
    case Cause::dead: return fmt::format("the port of {} refuses connections", name);
    case Cause::gave_up: return fmt::format("{} gave up its term", name);
    case Cause::cannot_go_on: return fmt::format("{} cannot go on as primary", name);
    case Cause::cut_off: return fmt::format("{} does not reach members that are alive", name);
    case Cause::lossy: return fmt::format("{} came back and may lack acknowledged writes", name);
    case Cause::open_promise: return "a member had promised a newer term";
    case Cause::operator_asks: return "an operator asked for it";
  }
  return "unknown";
}

void Elections::on_woken(Instant now) {
  for (auto& [partition, election] : open_) {
    election.since = now;
    election.ask_at = now;
  }
}

void Elections::suspect(const View& view, PartitionId partition, Cause cause) {
  if (!may_begin(view, partition, cause)) return;
  const ring::PartitionEntry& entry = view.entry(partition);
  Election* open = find(view, partition);
  if (open == nullptr) {
    const Term next = entry.term.next();
    open = &open_
                .insert_or_assign(partition, Election{.began_with = entry,
                                                      .term = entry.term,
                                                      .next_term = next,
                                                      .cause = cause,
                                                      .choice = {},
                                                      .since = view.now,
                                                      .ask_at = view.now,
                                                      .heard_nothing = {},
                                                      .sealed = {}})
                .first->second;
  }
  open->exclude_primary = open->exclude_primary || excludes_primary(cause);
  if (open->sealing) return;
  if (skips_poll(cause)) {
    open->cause = cause;
    return begin_seal(view, partition, *open);
  }
  Instant& told = suspicion_told_[entry.primary];
  if (told != Instant{} && view.now - told < kSuspicionToldEvery && view.now != told) return;
  told = view.now;
  events_.add(
      Kind::suspected, entry.primary,
      fmt::format("{}, the primary of ", cause == Cause::silent ? "the coordinator does not hear " + entry.primary.str()
                                                                : "a peer does not hear " + entry.primary.str()),
      {partition, {}}, ": their members are asked");
}

void Elections::order(const View& view, PartitionId partition, OperatorChoice choice) {
  suspect(view, partition, Cause::operator_asks);
  if (Election* open = find(view, partition)) open->choice = std::move(choice);
}

void Elections::withdraw_order(PartitionId partition) {
  if (const auto open = open_.find(partition); open != open_.end()) open->second.choice.reset();
}

void Elections::finish(const View& view, PartitionId partition, Term promised) {
  if (broken_ == BrokenRule::finish_promises || promised <= view.entry(partition).term) return;
  suspect(view, partition, Cause::open_promise);
  if (Election* open = find(view, partition)) open->next_term = std::max(open->next_term, promised);
}

// The entry has a newer term than the one the election is about.
bool Elections::overtaken(const Election& election, const ring::PartitionEntry& entry) const {
  return broken_ == BrokenRule::swap_by_version ? entry.term > election.next_term : entry.term != election.term;
}

Elections::Election* Elections::find(const View& view, PartitionId partition) {
  const auto open = open_.find(partition);
  const bool current = open != open_.end() && open->second.term == view.entry(partition).term;
  return current ? &open->second : nullptr;
}

bool Elections::may_begin(const View& view, PartitionId partition, Cause cause) {
  const ring::PartitionEntry& entry = view.entry(partition);
  if (entry.primary.empty()) return false;
  if (cause == Cause::open_promise || cause == Cause::operator_asks) return true;
  const Field field = field_of(view, entry);
  const bool others = std::ranges::any_of(
      field.members, [&](const ring::InSyncMember& member) { return member.node != entry.primary; });
  const bool may_be_chosen_again = cause == Cause::gave_up || field.last_resort;
  if (!others && !may_be_chosen_again) {
    tell_hopeless(view, partition);
    return false;
  }
  if (cause == Cause::gave_up || cause == Cause::cannot_go_on || cause == Cause::lossy) return true;
  const bool dead = view.nodes.dead(entry.primary, entry.primary_incarnation);
  if (!dead && !calm(view.map().shape.timing, partition, view.now)) return false;
  const auto quiet = quiet_until_.find(partition);
  return skips_poll(cause) || quiet == quiet_until_.end() || view.now >= quiet->second;
}

// What the members hold is found out by asking; which of them count follows from the map alone.
Elections::Field Elections::field_of(const View& view, const ring::PartitionEntry& entry) const {
  Field field{eligible_members(view, entry), false};
  const bool primary_alone = field.members.size() == 1 && field.members.front().node == entry.primary;
  if (!field.members.empty() && !(primary_alone && broken_ == BrokenRule::lone_primary_fenced)) return field;
  field.last_resort = field.members.empty();
  std::vector<NodeId> all = entry.members();
  all.insert(all.end(), entry.departed.begin(), entry.departed.end());
  for (const NodeId& node : all) {
    const bool there = std::ranges::find(field.members, node, &ring::InSyncMember::node) != field.members.end();
    if (const ring::NodeInfo* info = view.map().find_node(node); info != nullptr && !there) {
      field.members.push_back({node, info->generation});
    }
  }
  return field;
}

void Elections::begin_seal(const View& view, PartitionId partition, Election& election) {
  election.sealing = true;
  election.since = view.now;
  election.ask_at = view.now;
  const ring::PartitionEntry& entry = view.entry(partition);
  election.began_with = entry;
  events_.add(Kind::sealed, entry.primary, "the members of ", {partition, {}},
              fmt::format(" are asked to promise a newer term, because {}", why(election.cause, entry.primary)));
}

void Elections::on_poll_answer(const View& view, const NodeId& from, const messages::PollAnswer& answer) {
  for (const messages::PollAnswer::Item& item : answer.items) {
    if (item.partition.value() >= view.map().entries.size()) continue;
    Election* open = find(view, item.partition);
    if (open == nullptr || open->sealing || open->term != item.term) continue;
    const ring::PartitionEntry& entry = view.entry(item.partition);
    if (entry.primary == from || entry.find_in_sync(from) == nullptr) continue;
    if (!item.alive || broken_ == BrokenRule::alive_stops_election) {
      open->heard_nothing.insert(from);
      continue;
    }
    if (suspicion_told_[entry.primary] == open->since) {
      events_.add(Kind::poll_alive, entry.primary, fmt::format("{} hears {} serve: ", from.str(), entry.primary.str()),
                  {item.partition, {}}, " go on as before");
    }
    quiet_until_[item.partition] = view.now + 2 * view.map().shape.timing.heartbeat;
    open_.erase(item.partition);
  }
}

void Elections::on_seal_answer(const View& view, const NodeId& from, const messages::SealAnswer& answer) {
  for (const messages::SealAnswer::Item& item : answer.items) {
    if (item.partition.value() >= view.map().entries.size()) continue;
    Election* open = find(view, item.partition);
    // An answer to a smaller promise says nothing about what the member accepted since.
    if (open == nullptr || !open->sealing || item.promised <= open->term) continue;
    open->sealed.insert_or_assign(from, Sealed{answer.generation, item});
    open->next_term = std::max(open->next_term, item.promised);
  }
}

void Elections::step(const View& view) {
  std::erase_if(open_, [&](const auto& open) { return overtaken(open.second, view.entry(open.first)); });
  for (auto& [partition, election] : open_) {
    const ring::PartitionEntry& entry = view.entry(partition);
    if (!election.sealing && poll_is_over(view, entry, election)) begin_seal(view, partition, election);
    if (view.now < election.ask_at) continue;
    election.ask_at = view.now + view.map().shape.timing.heartbeat;
    ask(view, partition, election);
    const bool long_open = view.now - election.since > 2 * view.map().shape.timing.detection;
    if (election.sealing && long_open) tell_hopeless(view, partition);
  }
}

bool Elections::poll_is_over(const View& view, const ring::PartitionEntry& entry, const Election& election) const {
  if (view.nodes.dead(entry.primary, entry.primary_incarnation)) return true;
  if (view.now - election.since >= poll_patience(view.map().shape.timing)) return true;
  return std::ranges::all_of(field_of(view, entry).members, [&](const ring::InSyncMember& member) {
    return member.node == entry.primary || election.heard_nothing.contains(member.node) ||
           !view.nodes.well(*view.map().find_node(member.node));
  });
}

void Elections::ask(const View& view, PartitionId partition, Election& election) {
  const ring::PartitionEntry& entry = view.entry(partition);
  if (!election.sealing) {
    for (const ring::InSyncMember& member : entry.in_sync) {
      if (member.node == entry.primary || election.heard_nothing.contains(member.node)) continue;
      messages::Poll& poll = polls_[{member.node, entry.primary}];
      poll.suspect = entry.primary;
      poll.partitions.push_back({partition, election.term});
    }
    return;
  }
  std::vector<ring::InSyncMember> asked = field_of(view, entry).members;
  const auto add = [&](const NodeId& node) {
    if (std::ranges::find(asked, node, &ring::InSyncMember::node) == asked.end()) asked.push_back({node, {}});
  };
  add(entry.primary);
  if (election.choice) add(election.choice->node);
  for (const ring::InSyncMember& member : asked) {
    if (sealed_by(view, election, member.node)) continue;
    seals_[member.node].partitions.push_back({partition, election.next_term});
  }
}

// What a node answered counts as long as its data is the same.
const Elections::Sealed* Elections::sealed_by(const View& view, const Election& election, const NodeId& node) const {
  const auto sealed = election.sealed.find(node);
  if (sealed == election.sealed.end()) return nullptr;
  const ring::NodeInfo* info = view.map().find_node(node);
  const bool same_data =
      info != nullptr && (info->generation == sealed->second.generation || broken_ == BrokenRule::generation_counts);
  return same_data ? &sealed->second : nullptr;
}

bool Elections::waits_for(const View& view, const Election& election, const NodeId& node) const {
  const ring::NodeInfo& info = *view.map().find_node(node);
  // A primary that said it cannot go on has stopped, and may be unable to promise anything.
  if (election.cause == Cause::cannot_go_on && node == election.began_with.primary) return false;
  return !view.nodes.dead(node, info.incarnation) && !view.nodes.silent(node, view.now) &&
         view.now - election.since < seal_patience(view.map().shape.timing);
}

std::vector<NodeId> Elections::passed_over(const View& view, const Election& election, const Field& field) const {
  std::vector<NodeId> nodes;
  for (const ring::InSyncMember& member : field.members) {
    const bool heard = view.nodes.well(*view.map().find_node(member.node));
    if (heard && sealed_by(view, election, member.node) == nullptr) nodes.push_back(member.node);
  }
  return nodes;
}

std::vector<Choice> Elections::choose(const View& view) const {
  std::vector<Choice> choices;
  for (const auto& [partition, election] : open_) {
    if (!election.sealing || overtaken(election, view.entry(partition))) continue;
    auto choice = election.choice && election.choice->unclean ? choose_ordered(view, partition, election)
                                                              : choose_one(view, partition, election);
    if (choice) choices.push_back(std::move(*choice));
  }
  return choices;
}

std::optional<Choice> Elections::choose_one(const View& view, PartitionId partition, const Election& election) const {
  const bool stale = broken_ == BrokenRule::swap_by_version;
  const ring::PartitionEntry& entry = stale ? election.began_with : view.entry(partition);
  const Field field = field_of(view, entry);
  std::vector<ring::InSyncMember> whole;
  bool waiting = false;
  for (const ring::InSyncMember& member : field.members) {
    const Sealed* sealed = sealed_by(view, election, member.node);
    const bool dead = view.nodes.dead(member.node, view.map().find_node(member.node)->incarnation);
    if (sealed == nullptr) {
      waiting = waiting || field.last_resort || waits_for(view, election, member.node);
    } else if (sealed->answer.whole && (!dead || field.last_resort)) {
      whole.push_back(member);
    }
  }
  if (waiting && !(field.last_resort && broken_ == BrokenRule::last_resort_hears_all)) return std::nullopt;
  // Not where only the highest position counts.
  if (election.exclude_primary && whole.size() > 1 && !field.last_resort) {
    std::erase_if(whole, [&](const ring::InSyncMember& member) { return member.node == entry.primary; });
  }
  if (whole.empty()) return std::nullopt;

  const auto position = [&](const ring::InSyncMember& m) { return election.sealed.at(m.node).answer.position; };
  std::vector<NodeId> order = preference(view, partition, election.cause);
  if (election.choice) order.insert(order.begin(), election.choice->node);
  std::ranges::stable_sort(whole, {}, [&](const ring::InSyncMember& member) {
    return std::ranges::find(order, member.node) - order.begin();
  });
  const auto best = broken_ == BrokenRule::highest_position_wins ? std::ranges::min_element(whole, {}, position)
                                                                 : std::ranges::max_element(whole, {}, position);
  const NodeId chosen = best->node;
  if (field.last_resort) {
    whole = {{*best}};
  } else if (broken_ == BrokenRule::only_sealed_stay) {
    whole = entry.in_sync;
  }
  Choice choice = make_choice(view, partition, election, chosen, std::move(whole));
  choice.passed_over = passed_over(view, election, field);
  return choice;
}

// The operator's word replaces the in-sync set, but not the fence: the primary has sealed, is dead, or is said to be.
std::optional<Choice> Elections::choose_ordered(const View& view, PartitionId partition,
                                                const Election& election) const {
  const ring::PartitionEntry& entry = view.entry(partition);
  const OperatorChoice& wanted = *election.choice;
  const Sealed* sealed = sealed_by(view, election, wanted.node);
  if (sealed == nullptr || !sealed->answer.whole) return std::nullopt;
  const bool fenced = sealed_by(view, election, entry.primary) != nullptr ||
                      view.nodes.dead(entry.primary, entry.primary_incarnation) || among(wanted.stopped, entry.primary);
  if (!fenced) return std::nullopt;
  return make_choice(view, partition, election, wanted.node, {{wanted.node, sealed->generation}});
}

Choice Elections::make_choice(const View& view, PartitionId partition, const Election& election, const NodeId& node,
                              std::vector<ring::InSyncMember> in_sync) const {
  return {.partition = partition,
          .cause = election.cause,
          .before = view.entry(partition).primary,
          .position = election.sealed.at(node).answer.position,
          .appointment = {.node = node,
                          .incarnation = view.map().find_node(node)->incarnation,
                          .term = std::max(election.next_term, view.entry(partition).term.next()),
                          .in_sync = std::move(in_sync)}};
}

void Elections::on_promoted(const Timing& timing, PartitionId partition, Instant now) {
  pause_until_[partition] = now + timing.promotion_pause();
}

bool Elections::sealing(PartitionId partition) const {
  const auto open = open_.find(partition);
  return open != open_.end() && open->second.sealing;
}

bool Elections::calm(const Timing& timing, PartitionId partition, Instant now) const {
  const auto pause = pause_until_.find(partition);
  return now >= (pause == pause_until_.end() ? started_ + timing.promotion_pause() : pause->second);
}

void Elections::tell_hopeless(const View& view, PartitionId partition) {
  const ring::PartitionEntry& entry = view.entry(partition);
  if (const auto told = hopeless_.find(partition); told != hopeless_.end() && told->second == entry.version) return;
  hopeless_[partition] = entry.version;
  const Field field = field_of(view, entry);
  const bool alone = field.members.size() == 1 && !field.last_resort;
  events_.add(Kind::no_candidate, entry.primary, "nobody can take over ", {partition, {}},
              field.last_resort
                  ? fmt::format(": every in-sync member may lack writes, and {} must all answer before the one with "
                                "most is chosen; start those that are down, or name one with `gyre promote --unclean "
                                "--stopped {} NODE`",
                                list_of(field.members), entry.primary.str())
                  : fmt::format(" from {}: {} {} in sync; start {} again, or give up what only {} may hold with `gyre "
                                "promote --unclean --stopped {} NODE`",
                                entry.primary.str(), list_of(field.members), alone ? "alone is" : "are",
                                alone ? "it" : "one of them", alone ? "it" : "they", entry.primary.str()));
}

std::vector<SendToNode> Elections::take_messages() {
  std::vector<SendToNode> messages;
  for (auto& [to, poll] : polls_) messages.push_back({to.first, std::move(poll)});
  for (auto& [to, seal] : seals_) messages.push_back({to, std::move(seal)});
  polls_.clear();
  seals_.clear();
  return messages;
}

void Elections::check_invariants() const {
  for (const auto& [partition, election] : open_) {
    GYRE_ASSERT(!election.began_with.primary.empty());
    GYRE_ASSERT(election.next_term > election.term);
  }
}

}  // namespace gyre::control
