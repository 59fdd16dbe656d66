// A repair and a donor together, over storage that is two maps.
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "replication/donor.h"
#include "replication/repair.h"
#include "replication/term_history.h"
#include "tests/unit/replication/support.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using messages::FetchedKey;
using messages::LoggedWrite;
using messages::LoggedWritePtr;
using messages::Mutation;

const NodeId kMember("m");

// Shrinks to no.
bool one_in(int n) { return *rc::gen::inRange(0, n) == n - 1; }

LoggedWritePtr arbitrary_write(std::uint64_t term, std::uint64_t sequence) {
  auto write = std::make_shared<LoggedWrite>();
  write->position = {Term(term), Sequence(sequence)};
  const std::string key(1, *rc::gen::inRange('a', 'g'));
  write->mutations.push_back({one_in(3) ? Mutation::Kind::del : Mutation::Kind::put,
                              Bytes::copy_of(key),
                              {Bytes(), write->position, kNoExpiry}});
  return write;
}

struct Store {
  std::map<std::string, Position> records;
  std::vector<LoggedWritePtr> log;  // from 1

  void put(const Mutation& mutation) {
    if (mutation.kind == Mutation::Kind::put) {
      records[mutation.key.str()] = mutation.record.version;
    } else {
      records.erase(mutation.key.str());
    }
  }
  void apply(const LoggedWritePtr& write) {
    log.push_back(write);
    for (const Mutation& mutation : write->mutations) put(mutation);
  }
  Sequence last() const { return Sequence(log.size()); }
  messages::PartitionState state() const {
    messages::PartitionState state;
    for (const LoggedWritePtr& write : log) {
      if (write->position.term != state.position.term) {
        begin_term(state.history, write->position.term, write->position.sequence);
      }
      state.position = write->position;
    }
    return state;
  }
};

// Both began alike; then the member wrote in term 2 what the primary never got, and that one writes on in term 3, also
// while the member repairs. Messages get lost and doubled.
class Pair {
 public:
  Pair() {
    common_ = *rc::gen::inRange<std::uint64_t>(0, 8);
    for (std::uint64_t i = 1; i <= common_; ++i) {
      member_.apply(arbitrary_write(1, i));
      primary_.apply(member_.log.back());
    }
    tail_ = *rc::gen::inRange<std::size_t>(1, 8);
    for (std::size_t i = 1; i <= tail_; ++i) member_.apply(arbitrary_write(2, common_ + i));
    for (int i = *rc::gen::inRange(0, 5); i > 0; --i) write_on();
  }

  void repair() {
    RecentLog recent(1 << 20);
    for (const LoggedWritePtr& write : member_.log) recent.append(write);
    auto theirs = primary_.state().history;
    if (theirs.empty() || theirs.back().term != Term(3)) begin_term(theirs, Term(3), primary_.last().next());
    RepairStart start{kPartition, kPrimary, Term(3), member_.state(), theirs, {}, one_in(2)};
    start.committed_bytes_max = *rc::gen::inRange<std::size_t>(0, 8);
    start.common = common_prefix(start.state.history, member_.last(), theirs, primary_.last());
    RC_ASSERT(start.common == Sequence(common_));

    Repair repair(now_, start, recent, member_tasks_, BrokenRule::none);
    repair_ = &repair;
    for (int turns = 0; !repair.done(); ++turns) {
      RC_ASSERT(turns < 100'000);
      turn();
    }
    repair_ = nullptr;
  }

  void check() {
    RC_ASSERT(state_.whole_at <= primary_.last());
    const Sequence whole = std::max(state_.whole_at, state_.position.sequence);
    Store expected;
    for (std::size_t i = 0; i < whole.value(); ++i) {
      if (i >= state_.position.sequence.value()) member_.apply(primary_.log[i]);
      expected.apply(primary_.log[i]);
    }
    RC_ASSERT(member_.records == expected.records);
  }

 private:
  static constexpr PartitionId kPartition{7};

  void turn() {
    for (const Effect& effect : repair_->take_effects()) std::visit([this](const auto& e) { carry_out(e); }, effect);
    for (const Effect& effect : donor_.take_effects()) std::visit([this](const auto& e) { carry_out(e); }, effect);
    if (const RepairStep* step = repair_->step(); step && !one_in(3)) {
      RC_ASSERT(exported_ == tail_);
      if (step->drop_first) member_.records.clear();
      for (const Mutation& mutation : step->repairs) member_.put(mutation);
      state_ = step->state;
      repair_->on_step_persisted(now_);
    }
    if (finishing_ && !one_in(3)) {
      RC_ASSERT(state_.whole_at == messages::kNeverWhole);
      for (const Mutation& mutation : std::exchange(aside_, {})) member_.put(mutation);
      repair_->on_ingested(now_, *std::exchange(finishing_, std::nullopt), {});
    }
    now_ += 20ms;
    repair_->on_tick(now_);
    donor_.on_tick(now_);
  }

  void write_on() { primary_.apply(arbitrary_write(3, primary_.log.size() + 1)); }
  DonorView view() {
    primary_state_ = primary_.state();
    return {primary_state_, window_, UnixMillis{}};
  }

  void carry_out(const ExportLosses& effect) {
    exported_ += effect.losses.size();
    repair_->on_exported(now_, effect.task, {});
  }
  void carry_out(const ReadKeys& effect) {
    std::vector<FetchedKey> keys;
    for (const Bytes& key : effect.keys) {
      const auto found = primary_.records.find(key.str());
      FetchedKey& fetched = keys.emplace_back(FetchedKey{key, {}});
      if (found != primary_.records.end()) fetched.record = messages::Record{{}, found->second};
      if (one_in(2)) write_on();
    }
    donor_.on_keys(now_, view(), effect.task, std::move(keys));
  }
  void carry_out(const OpenSnapshot& effect) {
    frozen_ = primary_.records;
    donor_.on_snapshot_open(now_, effect.task, {});
  }
  void carry_out(const ReadSnapshot& effect) {
    std::vector<FetchedKey> records;
    if (!frozen_.empty()) {
      const auto next = frozen_.extract(frozen_.begin());
      records.push_back({Bytes::copy_of(next.key()), messages::Record{{}, next.mapped()}});
    }
    if (one_in(2)) write_on();
    donor_.on_snapshot_records(now_, view(), effect.task, std::move(records));
  }
  void carry_out(const Send& effect) {
    if (one_in(4)) return;
    for (int times = one_in(4) ? 2 : 1; times > 0; --times) {
      std::visit([this](const auto& message) { receive(message); }, effect.message);
    }
  }
  void carry_out(const IngestRecords& effect) {
    RC_ASSERT(state_.whole_at == messages::kNeverWhole);
    aside_.insert(aside_.end(), effect.records.begin(), effect.records.end());
    repair_->on_ingested(now_, effect.task, {});
  }
  // Much may come before it is done.
  void carry_out(const FinishIngestion& effect) { finishing_ = effect.task; }
  void carry_out(const auto&) {}

  void receive(const messages::FetchKeys& message) { donor_.on_fetch(now_, kMember, message); }
  void receive(const messages::SnapshotAsk& message) { donor_.on_ask(now_, view(), kMember, message); }
  void receive(const messages::FetchedKeys& message) { repair_->on_fetched(now_, message); }
  void receive(const messages::SnapshotChunk& message) { repair_->on_chunk(now_, message); }
  void receive(const auto&) { RC_FAIL("another message"); }

  Instant now_{1000s};
  Store member_;
  Store primary_;
  std::uint64_t common_ = 0;
  std::size_t tail_ = 0;
  std::size_t exported_ = 0;
  messages::PartitionState state_;  // of the member, by its last step
  std::vector<Mutation> aside_;     // ingested, not in place
  std::optional<TaskId> finishing_;
  TaskIds member_tasks_;
  TaskIds primary_tasks_;
  Repair* repair_ = nullptr;
  Donor donor_{kPartition, Term(3), primary_tasks_};
  Window window_;
  messages::PartitionState primary_state_;
  std::map<std::string, Position> frozen_;  // what is left to read of the snapshot
};

RC_GTEST_PROP(Repair, EndsWithWhatThePrimaryHolds, ()) {
  Pair pair;
  pair.repair();
  pair.check();
}

}  // namespace
}  // namespace gyre::replication
