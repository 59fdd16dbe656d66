// Random histories: whatever happens, each call completes exactly once by its deadline, a write keeps its id unless it
// was surely not applied, and fails with "surely not applied" only if each of its attempts was.
#include <algorithm>
#include <array>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "scripted_client.h"

namespace gyre::routing::testing {
namespace {

// A cluster of three nodes that answers, refuses, forgets and dies at random.
class RandomNetwork {
 public:
  explicit RandomNetwork(std::uint64_t seed)
      : rng_(seed),
        client_({.seeds = {"a:1", "b:1", "c:1"},
                 .random_seed = seed,
                 .connections_per_node = 1 + static_cast<std::uint32_t>(seed % 2),
                 .calls_in_flight_max = 50,
                 .read_policy = static_cast<ReadPolicy>(seed % 5),
                 .hedge_budget = seed % 3 == 0 ? 0.5 : 0,
                 .checks_health = seed % 4 == 1}) {
    history_.adopt(map_);
    if (seed % 3 == 0) tell_what_is_slow();
  }

  void step() {
    switch (rng_.below(8)) {
      case 0:
      case 1: return make_call();
      case 2: return decide_connection();
      case 3:
      case 4: return answer_something();
      case 5: return maybe_lose_connection();
      case 6: return change_map();
      default: client_.pass(Duration(rng_.between(0, Duration(200ms).count())));
    }
    note_sendings();
  }

  void finish() {
    client_.pass(kCheckDeadline + 10s);
    note_sendings();
    for (const auto& [id, deadline] : deadlines_) RC_ASSERT(client_.done(id));
    RC_ASSERT(client_.machine.calls_in_flight() <= 16U);  // of its own: one question for each partition, at most
    client_.shut_down();
    RC_ASSERT(client_.machine.calls_in_flight() == 0U);
    RC_ASSERT(client_.completed.size() == deadlines_.size());
  }

  void check() {
    note_sendings();
    check_outcomes();
    for (const auto& [id, deadline] : deadlines_) RC_ASSERT(client_.done(id) || client_.now < deadline);
  }

 private:
  // Enough reads are answered within a millisecond that slower ones are hedged.
  void tell_what_is_slow() {
    map_ = make_replicated_map(2, {"a", "b", "c"});
    history_.adopt(map_);
    client_.learn(map_);
    for (std::uint32_t i = 0; i < 100; ++i) {
      deadlines_[client_.call(read(i % 16, messages::ReadLevel::any))] = client_.now + 2s;
      for (const auto& connect : client_.connects) open_.push_back(connect.link);
      client_.connect_all();
      client_.pass(1ms);
      for (const auto& send : client_.take_calls()) client_.answer(send, got(at(1, 1)));
    }
  }

  std::vector<std::string> random_nodes() {
    std::vector<std::string> nodes;
    for (const char* name : {"a", "b", "c"}) {
      if (rng_.chance(0.7)) nodes.emplace_back(name);
    }
    return nodes;
  }

  void change_map() {
    const std::uint64_t next = map_->epoch.value() + 1;
    map_ = rng_.chance(0.5) ? make_map(next, random_nodes(), next) : make_replicated_map(next, random_nodes(), next);
    history_.adopt(map_);
  }

  void make_call() {
    const Duration budget(rng_.between(Duration(1ms).count(), Duration(2s).count()));
    const auto partition = static_cast<std::uint32_t>(rng_.below(16));
    const Instant deadline = client_.now + budget;
    if (rng_.chance(0.5)) {
      const auto level = static_cast<messages::ReadLevel>(rng_.below(5));
      deadlines_[client_.call(read(partition, level), budget)] = deadline;
      return;
    }
    // Writes are told apart by their value.
    const std::string value = std::to_string(writes_.size());
    auto body = std::get<messages::WriteRequest>(put(partition));
    body.operations[0].value = Bytes::copy_of(value);
    Write& write = writes_[value];
    write.call = client_.call(body, budget);
    deadlines_[write.call] = deadline;
  }

  void decide_connection() {
    if (client_.connects.empty()) return;
    const auto connect = client_.connects.front();
    client_.connects.pop_front();
    if (rng_.chance(0.6)) {
      open_.push_back(connect.link);
      return client_.connected(connect.link);
    }
    client_.connects.push_front(connect);
    const auto others = std::exchange(client_.connects, {connect});
    client_.refuse_all();
    for (const auto& other : others) {
      if (other.link != connect.link) client_.connects.push_back(other);
    }
  }

  messages::ResponseBody random_answer(const Send& send) {
    static constexpr std::array kCodes = {
        ErrorCode::not_primary, ErrorCode::stale_map,        ErrorCode::busy,        ErrorCode::unavailable,
        ErrorCode::not_found,   ErrorCode::outcome_unknown,  ErrorCode::corrupt,     ErrorCode::wrong_cluster,
        ErrorCode::behind,      ErrorCode::condition_failed, ErrorCode::no_replicas, ErrorCode::session_lost};
    if (std::holds_alternative<messages::MapRequest>(send.request.body)) {
      if (rng_.chance(0.1)) return messages::MapResponse{{make_map(99, {"a"}, 1, 8), nullptr}};
      if (rng_.chance(0.3)) return messages::MapResponse{};
      // Now and then, what changed since some other map than the asker's.
      const auto& question = std::get<messages::MapRequest>(send.request.body);
      const bool mistaken = rng_.chance(0.2);
      return messages::MapResponse{history_.since(mistaken ? Epoch(rng_.below(100)) : question.known)};
    }
    if (rng_.chance(0.5)) {
      const ErrorCode code = kCodes[rng_.below(kCodes.size())];
      return error(code,
                   code == ErrorCode::outcome_unknown || rng_.chance(0.1) ? Outcome::unknown : Outcome::not_applied);
    }
    const Position position = at(1 + rng_.below(map_->epoch.value()), 1 + rng_.below(50));
    messages::TermHistory history;
    if (rng_.chance(0.3)) history = {{position.term, Sequence(1 + rng_.below(position.sequence.value()))}};
    if (std::holds_alternative<messages::GetRequest>(send.request.body)) return got(position, history);
    return wrote(position, history);
  }

  void answer_something() {
    note_sendings();
    if (unanswered_.empty()) return;
    const auto index = static_cast<std::ptrdiff_t>(rng_.below(unanswered_.size()));
    const Send send = unanswered_[static_cast<std::size_t>(index)];
    if (!rng_.chance(0.1)) unanswered_.erase(unanswered_.begin() + index);  // else: it will be answered twice
    const auto body = random_answer(send);
    const auto* failure = std::get_if<Error>(&body);
    const bool surely_not_applied = failure && failure->outcome == Outcome::not_applied;
    const auto* write = std::get_if<messages::WriteRequest>(&send.request.body);
    if (write && std::ranges::find(open_, send.link) != open_.end()) {
      auto& open = writes_.at(write->operations[0].value.str()).unresolved;
      if (surely_not_applied) open.erase(send.request.id);
    }
    client_.answer(send, body, map_->epoch.value());
  }

  // After a lost connection, too, a sending stays unresolved: it may have arrived.
  void check_outcomes() {
    for (auto& [value, write] : writes_) {
      if (write.checked || !client_.done(write.call)) continue;
      write.checked = true;
      const auto& result = client_.result(write.call);
      if (!result && result.error().outcome == Outcome::not_applied) RC_ASSERT(write.unresolved.empty());
    }
  }

  void maybe_lose_connection() {
    if (open_.empty() || rng_.chance(0.6)) return;
    const auto index = static_cast<std::ptrdiff_t>(rng_.below(open_.size()));
    const LinkId link = open_[static_cast<std::size_t>(index)];
    open_.erase(open_.begin() + index);
    client_.lose(link);
  }

  void note_sendings() {
    for (auto& send : std::exchange(client_.sends, {})) {
      if (const auto* write = std::get_if<messages::WriteRequest>(&send.request.body)) {
        RC_ASSERT(write->id.given());
        RC_ASSERT(write->lowest_open <= write->id.number);
        Write& known = writes_.at(write->operations[0].value.str());
        RC_ASSERT(known.unresolved.empty() || known.id == write->id);
        known.id = write->id;
        known.unresolved.insert(send.request.id);
      }
      unanswered_.push_back(std::move(send));
    }
  }

  Rng rng_;
  ScriptedClient client_;
  ring::ClusterMapPtr map_ = make_map(1, {"a", "b", "c"});
  ring::MapHistory history_;
  std::map<CallId, Instant> deadlines_;
  std::vector<LinkId> open_;
  std::vector<Send> unanswered_;
  struct Write {
    CallId call;
    messages::WriteId id;
    std::set<RequestId> unresolved;  // sendings not answered with "surely not applied"
    bool checked = false;
  };
  std::map<std::string, Write> writes_;  // by value
};

RC_GTEST_PROP(Dispatcher, EveryCallCompletesOnceInTimeAndWritesSayWhatIsCertain, (std::uint64_t seed)) {
  RandomNetwork network(seed);
  for (int i = 0; i < 400; ++i) {
    network.step();
    network.check();
  }
  network.finish();
}

}  // namespace
}  // namespace gyre::routing::testing
