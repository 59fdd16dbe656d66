#include "replication/waits.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"

namespace gyre::replication {

using messages::AckCount;

namespace {

std::size_t index_of(AckCount level) {
  if (level == messages::kAckAll) return Waits::kLevels.size() - 1;
  GYRE_ASSERT(level >= 1 && level < Waits::kLevels.size());
  return level - std::size_t{1};
}

}  // namespace

Waits::Line& Waits::at(AckCount level) { return lines_[index_of(level)]; }
const Waits::Line& Waits::at(AckCount level) const { return lines_[index_of(level)]; }

void Waits::add(AckCount level, Answer answer) {
  Line& line = at(level);
  // Nearly always at the end: only a read may wait for something older than what came before it.
  auto place = line.end();
  while (place != line.begin() && std::prev(place)->after > answer.after) --place;
  deadlines_.add(answer.deadline);
  line.insert(place, std::move(answer));
}

bool Waits::empty() const {
  return std::ranges::all_of(lines_, [](const Line& line) { return line.empty(); });
}

bool Waits::on_members() const {
  return std::ranges::any_of(lines_.begin() + 1, lines_.end(), [](const Line& line) { return !line.empty(); });
}

std::vector<Waits::Answer> Waits::take(Line& line, Line::iterator first, Line::iterator last) {
  std::vector<Answer> taken(std::make_move_iterator(first), std::make_move_iterator(last));
  line.erase(first, last);
  for (const Answer& answer : taken) deadlines_.remove(answer.deadline);
  return taken;
}

std::vector<Waits::Answer> Waits::take_through(AckCount level, Sequence held) {
  Line& line = at(level);
  return take(line, line.begin(), std::ranges::upper_bound(line, held, {}, &Answer::after));
}

std::vector<Waits::Answer> Waits::take_after(Sequence last) {
  std::vector<Answer> taken;
  for (Line& line : lines_) {
    std::ranges::move(take(line, std::ranges::upper_bound(line, last, {}, &Answer::after), line.end()),
                      std::back_inserter(taken));
  }
  return taken;
}

std::vector<Waits::Answer> Waits::take_all(AckCount level) {
  Line& line = at(level);
  return take(line, line.begin(), line.end());
}

std::vector<Waits::Answer> Waits::take_overdue(Instant now) {
  std::vector<Answer> taken;
  if (!deadlines_.due(now)) return taken;
  for (Line& line : lines_) {
    const auto overdue = std::ranges::stable_partition(line, [&](const Answer& a) { return a.deadline > now; });
    std::ranges::move(take(line, overdue.begin(), line.end()), std::back_inserter(taken));
  }
  return taken;
}

// The answer that takes the place of `effect` when what it waited for fails.
Effect failed(Effect effect, const Error& error) {
  if (auto* done = std::get_if<WriteDone>(&effect)) {
    // A write that was refused anyway is still surely not applied; but the reason it would give may no longer hold.
    const bool refused = !done->result;
    done->result = fail(error);
    if (refused) done->result.error().outcome = Outcome::not_applied;
    if (refused && error.code == ErrorCode::outcome_unknown) done->result.error().code = ErrorCode::unavailable;
  } else if (auto* ready = std::get_if<ReadReady>(&effect)) {
    const bool says_why = error.code == ErrorCode::not_primary || error.code == ErrorCode::timeout;
    ready->result = fail(says_why ? error.code : ErrorCode::unavailable, error.message);
  }
  return effect;
}

}  // namespace gyre::replication
