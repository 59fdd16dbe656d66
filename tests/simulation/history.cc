#include "tests/simulation/history.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"

namespace gyre::simulation {

namespace {

class Search {
 public:
  explicit Search(std::vector<Operation> operations) : operations_(std::move(operations)) {
    GYRE_ASSERT(operations_.size() <= 64);
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      if (operations_[i].answered != kNever) must_ |= std::uint64_t{1} << i;
    }
  }

  // `done`: the operations that have taken effect; `value`: what the register holds then.
  bool possible(std::uint64_t done, std::uint64_t value) {
    if ((done & must_) == must_) return true;
    if (!visited_.emplace(done, value).second) return false;
    // Whatever comes next was called before any operation that is still missing was answered.
    Instant first_answer = kNever;
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      if ((done >> i & 1) == 0) first_answer = std::min(first_answer, operations_[i].answered);
    }
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      const Operation& next = operations_[i];
      if ((done >> i & 1) != 0 || next.called > first_answer) continue;
      if (next.kind == Operation::Kind::read && next.value != value) continue;
      const std::uint64_t after = next.kind == Operation::Kind::read    ? value
                                  : next.kind == Operation::Kind::write ? next.value
                                                                        : 0;
      if (possible(done | std::uint64_t{1} << i, after)) return true;
    }
    return false;
  }

 private:
  std::vector<Operation> operations_;
  std::uint64_t must_ = 0;
  std::set<std::pair<std::uint64_t, std::uint64_t>> visited_;
};

}  // namespace

bool linearizable(std::vector<Operation> operations) { return Search(std::move(operations)).possible(0, 0); }

std::string check_counter(const CounterHistory& history, std::int64_t final_value) {
  std::set<std::int64_t> distinct(history.returned.begin(), history.returned.end());
  if (distinct.size() != history.returned.size()) return "two increments returned the same number";
  const auto answered = static_cast<std::int64_t>(history.returned.size());
  if (final_value < answered) {
    return fmt::format("{} increments were acknowledged, the counter stands at {}", answered, final_value);
  }
  if (final_value > answered + static_cast<std::int64_t>(history.unknown)) {
    return fmt::format("{} increments were acknowledged and {} are unknown, the counter stands at {}", answered,
                       history.unknown, final_value);
  }
  if (!distinct.empty() && *distinct.rbegin() > final_value) return "an increment returned more than the final value";
  return {};
}

}  // namespace gyre::simulation
