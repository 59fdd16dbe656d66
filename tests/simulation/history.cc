#include "tests/simulation/history.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/assert.h"

namespace gyre::simulation {

namespace {

// What the register holds after `next`, if that can happen where it holds `value`.
std::optional<std::uint64_t> after(const Operation& next, std::uint64_t value) {
  const auto if_so = [](bool possible, std::uint64_t then) { return possible ? std::optional(then) : std::nullopt; };
  switch (next.kind) {
    case Operation::Kind::read: return if_so(value == next.value, value);
    case Operation::Kind::write: return next.value;
    case Operation::Kind::remove: return 0;
    case Operation::Kind::insert: return if_so(value == 0, next.value);
    case Operation::Kind::replace: return if_so(value == next.expected, next.value);
    case Operation::Kind::found_present: return if_so(value != 0, value);
    case Operation::Kind::found_other: return if_so(value != next.expected, value);
  }
  return std::nullopt;
}

class Search {
 public:
  explicit Search(std::vector<Operation> operations) : operations_(std::move(operations)) {
    GYRE_ASSERT(operations_.size() <= kOperationsMax);
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      if (operations_[i].answered != kEndOfTime) must_ |= std::uint64_t{1} << i;
    }
  }

  // `done`: the operations that have taken effect; `value`: what the register holds then.
  bool possible(std::uint64_t done, std::uint64_t value) {
    if ((done & must_) == must_) return true;
    if (!visited_.emplace(done, value).second) return false;
    // Whatever comes next was called before any operation that is still missing was answered.
    WorldTime first_answer = kEndOfTime;
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      if ((done >> i & 1) == 0) first_answer = std::min(first_answer, operations_[i].answered);
    }
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      const Operation& next = operations_[i];
      if ((done >> i & 1) != 0 || next.called > first_answer) continue;
      const auto then = after(next, value);
      if (then && possible(done | std::uint64_t{1} << i, *then)) return true;
    }
    return false;
  }

 private:
  std::vector<Operation> operations_;
  std::uint64_t must_ = 0;
  std::set<std::pair<std::uint64_t, std::uint64_t>> visited_;
};

// None of its attempts can have changed anything.
bool only_sees(const Operation& operation) {
  using Kind = Operation::Kind;
  const Kind kind = operation.tried.value_or(operation.kind);
  return kind == Kind::read || kind == Kind::found_present || kind == Kind::found_other;
}

// What happened in `stretch` alone, behind anything that may have been before.
bool linearizable_within(const std::vector<Operation>& operations, const TimeSpan& stretch) {
  std::vector<Operation> within;
  std::set<std::uint64_t> before{0};
  for (const Operation& operation : operations) {
    if (operation.called >= stretch.to) continue;
    if (operation.called < stretch.from && !only_sees(operation)) before.insert(operation.value);
    if (operation.answered <= stretch.from) continue;
    const bool whole = operation.called >= stretch.from && operation.answered <= stretch.to;
    if (!whole && only_sees(operation)) continue;
    within.push_back(operation);
    within.back().called = std::max(operation.called, stretch.from);
    if (whole) continue;
    within.back().answered = kEndOfTime;
    within.back().kind = operation.tried.value_or(operation.kind);
  }
  return std::ranges::any_of(before, [&](std::uint64_t first) { return linearizable(within, first); });
}

}  // namespace

bool linearizable(std::vector<Operation> operations, std::uint64_t first) {
  return Search(std::move(operations)).possible(0, first);
}

bool linearizable_between(const std::vector<Operation>& operations, const std::vector<TimeSpan>& losses) {
  WorldTime from = WorldTime::min();
  for (std::size_t i = 0; i <= losses.size(); ++i) {
    const TimeSpan stretch{from, i < losses.size() ? losses[i].from : kEndOfTime};
    if (!linearizable_within(operations, stretch)) return false;
    if (i < losses.size()) from = losses[i].to;
  }
  return true;
}

}  // namespace gyre::simulation
