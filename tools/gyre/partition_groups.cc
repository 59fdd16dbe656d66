#include "tools/gyre/partition_groups.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gyre::cli {
namespace {

constexpr std::size_t kRangesShown = 28;  // bytes

std::vector<std::string> in_sync_of(const ring::PartitionEntry& entry) {
  std::vector<std::string> ids;
  for (const auto& member : entry.in_sync) ids.push_back(member.node.str());
  const auto others = std::ranges::partition(ids, [&](const auto& id) { return id == entry.primary.str(); });
  std::ranges::sort(others);
  return ids;
}

std::vector<std::string> learners_of(const ring::PartitionEntry& entry) {
  std::vector<std::string> ids;
  for (const auto& learner : entry.learners) ids.push_back(learner.str());
  std::ranges::sort(ids);
  return ids;
}

PartitionGroup::State state_of(const ring::PartitionEntry& entry, const messages::PartitionStatus* said) {
  using State = PartitionGroup::State;
  if (entry.primary.empty()) return State::vacant;
  if (said == nullptr) return State::silent;
  return said->serving ? State::serves : State::waits;
}

void add_answer(PartitionGroup& group, const ring::PartitionEntry& entry, const messages::PartitionStatus& said) {
  if (group.why.empty()) group.why = said.why;
  for (const auto& member : said.members) {
    if (entry.find_in_sync(member.node) != nullptr) group.lag_ms = std::max(group.lag_ms, member.lag_ms);
    if (member.counted) group.lease_ms = std::min(member.lease_left_ms, group.lease_ms.value_or(member.lease_left_ms));
  }
}

std::string state_text(const PartitionGroup& group) {
  switch (group.state) {
    case PartitionGroup::State::serves: return group.primary + " serves";
    case PartitionGroup::State::waits:
      return fmt::format("{} does not serve{}{}", group.primary, group.why.empty() ? "" : ": ", group.why);
    case PartitionGroup::State::silent: return group.primary + " does not answer";
    case PartitionGroup::State::vacant: return "no primary";
  }
  return {};
}

std::string lease_text(const PartitionGroup& group) {
  if (!group.lease_ms) return {};
  if (*group.lease_ms <= 0) return ", lease run out";
  return fmt::format(", lease {:.1f} s left", static_cast<double>(*group.lease_ms) / 1000);
}

}  // namespace

std::string_view to_string(PartitionGroup::State state) {
  switch (state) {
    case PartitionGroup::State::serves: return "serves";
    case PartitionGroup::State::waits: return "waits";
    case PartitionGroup::State::silent: return "silent";
    case PartitionGroup::State::vacant: return "vacant";
  }
  return "";
}

std::vector<PartitionGroup> group_partitions(const ring::ClusterMap& map, const PrimaryAnswers& answers) {
  const auto key = [](const PartitionGroup& g) { return std::tie(g.state, g.primary, g.in_sync, g.learners); };
  std::vector<PartitionGroup> groups;
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const ring::PartitionEntry& entry = map.entries[i];
    const auto answer = answers.find(PartitionId(static_cast<std::uint16_t>(i)));
    const messages::PartitionStatus* said = answer == answers.end() ? nullptr : &answer->second;
    PartitionGroup one{.state = state_of(entry, said),
                       .primary = entry.primary.str(),
                       .in_sync = in_sync_of(entry),
                       .learners = learners_of(entry),
                       .term_low = entry.term,
                       .term_high = entry.term};
    auto group = std::ranges::find_if(groups, [&](const auto& known) { return key(known) == key(one); });
    if (group == groups.end()) group = groups.insert(groups.end(), std::move(one));
    group->partitions.push_back(static_cast<std::uint32_t>(i));
    group->term_low = std::min(group->term_low, entry.term);
    group->term_high = std::max(group->term_high, entry.term);
    if (said != nullptr) add_answer(*group, entry, *said);
  }
  std::ranges::stable_sort(groups, [](const PartitionGroup& a, const PartitionGroup& b) {
    const bool a_serves = a.state == PartitionGroup::State::serves, b_serves = b.state == PartitionGroup::State::serves;
    return std::tuple(a_serves, a.in_sync.size(), b.partitions.size()) <
           std::tuple(b_serves, b.in_sync.size(), a.partitions.size());
  });
  return groups;
}

std::string describe(const PartitionGroup& group) {
  std::string text = fmt::format("partition{} {}: {}, term {}", group.partitions.size() == 1 ? "" : "s",
                                 to_ranges(group.partitions, kRangesShown), state_text(group), group.term_low.value());
  if (group.term_high != group.term_low) text += fmt::format("-{}", group.term_high.value());
  if (!group.in_sync.empty()) text += fmt::format(", in sync {}", fmt::join(group.in_sync, ","));
  if (!group.learners.empty()) text += fmt::format(", catching up {}", fmt::join(group.learners, ","));
  if (group.lag_ms >= 0) text += fmt::format(", lag {} ms", group.lag_ms);
  return text + lease_text(group);
}

std::string to_ranges(const std::vector<std::uint32_t>& ascending, std::size_t bytes_max) {
  std::string text;
  for (std::size_t i = 0; i < ascending.size();) {
    std::size_t last = i;
    while (last + 1 < ascending.size() && ascending[last + 1] == ascending[last] + 1) ++last;
    std::string range = std::to_string(ascending[i]);
    if (last > i) range += fmt::format("-{}", ascending[last]);
    const bool fits = text.size() + range.size() + 1 <= bytes_max;
    if (!text.empty() && !fits) return fmt::format("{},... ({} in all)", text, ascending.size());
    text += (text.empty() ? "" : ",") + range;
    i = last + 1;
  }
  return text;
}

}  // namespace gyre::cli
