// Random histories of one partition: whatever order acknowledgements, maps and failovers come in, a writer that asks
// for nothing more is told of each acknowledged write that did not survive, once, and of no other.
#include <algorithm>
#include <iterator>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/rng.h"
#include "scripted_client.h"

namespace gyre::routing::testing {
namespace {

using messages::TermHistory;

// Two nodes that take turns as primary of everything. Each term goes on from some prefix of what the one before had
// when it began; primaries that were replaced go on acknowledging.
class RandomPartition {
 public:
  explicit RandomPartition(std::uint64_t seed)
      : rng_(seed), client_({.seeds = {"a:1"}, .random_seed = seed, .retries_max = 1000}) {
    terms_.push_back({.history = {{Term(1), Sequence(1)}}, .last = 0});
    client_.learn(map_of(1));
  }

  void step() {
    switch (rng_.below(4)) {
      case 0: client_.call(put(0), 1h); break;
      case 1:
        if (rng_.chance(0.3)) client_.machine.reset_session();
        if (rng_.chance(0.1)) client_.call(read(0, messages::ReadLevel::any), 1h);
        [[fallthrough]];
      default: step_alone();
    }
    client_.connect_all();
    collect();
  }

  // The client is not called.
  void step_alone() {
    switch (rng_.below(6)) {
      case 0: fail_over(); break;
      case 1: learn(); break;
      case 2: client_.pass(Duration(rng_.between(0, Duration(50ms).count()))); break;
      default: answer_one();
    }
    client_.connect_all();
    collect();
  }

  void answer_all() {
    while (!sent_.empty()) {
      answer_one();
      client_.connect_all();
      collect();
    }
  }

  // Nothing fails any more.
  void settle() {
    known_ = terms_.size();
    client_.learn(map_of(known_));
    const Instant end = client_.now + 2 * (kCheckAgain + kCheckSpread);
    while (client_.now < end) {
      client_.connect_all();
      collect();
      answer_all();
      client_.pass(10ms);
    }
    RC_ASSERT(client_.machine.calls_in_flight() == 0U);
  }

  void check() const {
    std::multiset<Position> told;
    for (const Lost& lost : client_.losses) {
      RC_ASSERT(!lost.more);  // all of this takes less than it remembers
      for (const auto& write : lost.writes) told.insert(write.version);
    }
    for (const Position version : acknowledged_) RC_ASSERT(told.count(version) == (survives(version) ? 0U : 1U));
    for (const Position version : told) RC_ASSERT(acknowledged_.contains(version));
  }

 private:
  struct Branch {  // what the primary of one term holds
    TermHistory history;
    std::uint64_t last;  // sequence
  };

  static ring::ClusterMapPtr map_of(std::size_t term) {
    return make_replicated_map(term, {term % 2 == 0 ? "b" : "a"}, term);
  }

  void fail_over() {
    const Branch& old = terms_.back();
    const std::uint64_t lost = rng_.below(std::min<std::uint64_t>(old.last, 4) + 1);
    Branch next{old.history, old.last - lost};
    std::erase_if(next.history, [&](const auto& start) { return start.first.value() > next.last; });
    next.history.push_back({Term(terms_.size() + 1), Sequence(next.last + 1)});
    terms_.push_back(std::move(next));
  }

  void learn() {
    if (known_ >= terms_.size()) return;
    known_ += 1 + rng_.below(terms_.size() - known_);
    client_.learn(map_of(known_));
  }

  void collect() {
    client_.take_questions();
    for (auto& send : client_.take_calls()) sent_.push_back(std::move(send));
  }

  // By the primary of a term that the node was asked in, or later; else it would refuse.
  void answer_one() {
    if (sent_.empty()) return;
    const auto index = static_cast<std::ptrdiff_t>(rng_.below(sent_.size()));
    const Send send = std::move(sent_[static_cast<std::size_t>(index)]);
    sent_.erase(sent_.begin() + index);
    std::size_t term = std::max<std::size_t>(send.request.epoch.value(), 1);
    if (rng_.chance(0.5)) term += rng_.below((terms_.size() - term) / 2 + 1) * 2;  // the same node's
    answer(send, term);
  }

  void answer(const Send& send, std::size_t term) {
    Branch& branch = terms_[term - 1];
    const auto* write = std::get_if<messages::WriteRequest>(&send.request.body);
    const auto* get = std::get_if<messages::GetRequest>(&send.request.body);
    const Position seen = write ? write->seen : get->read.seen;
    if (write) ++branch.last;
    Position position{Term(), Sequence(branch.last)};
    for (const auto& start : branch.history) {
      if (start.first <= position.sequence) position.term = start.term;
    }
    TermHistory behind;
    if (seen != Position()) {
      std::ranges::copy_if(branch.history, std::back_inserter(behind),
                           [&](const auto& start) { return start.term >= seen.term; });
    }
    const std::size_t completed = client_.completed.size();
    if (write) {
      client_.answer(send, wrote(position, std::move(behind)));
      if (client_.completed.size() > completed) acknowledged_.insert(position);
    } else {
      client_.answer(send, got(position, std::move(behind)));
    }
  }

  bool survives(Position version) const {
    const Branch& newest = terms_.back();
    for (std::size_t i = 0; i < newest.history.size(); ++i) {
      if (newest.history[i].term != version.term) continue;
      const std::uint64_t end = i + 1 < newest.history.size() ? newest.history[i + 1].first.value() : newest.last + 1;
      return newest.history[i].first <= version.sequence && version.sequence.value() < end;
    }
    return false;
  }

  Rng rng_;
  ScriptedClient client_;
  std::vector<Branch> terms_;  // of term 1, 2, ...
  std::size_t known_ = 1;      // the term of the client's map
  std::vector<Send> sent_;
  std::set<Position> acknowledged_;
};

RC_GTEST_PROP(DispatcherLosses, EachLossIsToldOnceAndNothingElse, (std::uint64_t seed)) {
  RandomPartition partition(seed);
  for (int i = 0; i < 200; ++i) partition.step();
  partition.answer_all();
  for (int i = 0; i < 50; ++i) partition.step_alone();
  partition.settle();
  partition.check();
}

}  // namespace
}  // namespace gyre::routing::testing
