// Three members under random faults, with a coordinator that follows the rules: what was promised is kept.
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "replication/term_history.h"
#include "tests/unit/replication/cluster.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using messages::kAckAll;
using messages::kAckOne;
using test::Cluster;
using test::incr;
using test::request;

const std::vector<std::string> kNames{"a", "b", "c"};
const std::vector<messages::AckCount> kLevels{kAckOne, 2, kAckAll};

class World {
 public:
  World() : c(kNames, 2) { c.serve("a", kNames); }

  std::string any() { return *rc::gen::elementOf(kNames); }

  // Seals whom it can reach, chooses the highest position, and swaps.
  void elect(bool may_fail) {
    const Term term = std::max(c.entry().term, highest_promise_).next();
    highest_promise_ = term;
    std::string best;
    Position best_position;
    std::vector<std::string> sealed;
    for (const auto& member : c.entry().in_sync) {
      const std::string name = member.node.str();
      if (!c.running(name)) continue;
      if (may_fail && *rc::gen::inRange(0, 10) == 9) return;  // its answer was lost: everybody else waits for it
      const auto answer = c.seal(name, term.value());
      if (!answer || !answer->whole) return;
      sealed.push_back(name);
      if (!best.empty() && answer->position <= best_position) continue;
      best = name;
      best_position = answer->position;
    }
    if (best.empty()) return;
    c.appoint(best, sealed, term.value());
    publish();
  }

  // The requests of the primary that still fit the entry.
  void grant() {
    for (const auto& told : std::exchange(c.coordinator, {})) {
      const auto* asked = std::get_if<messages::SetInSync>(&told.message);
      if (asked == nullptr || told.from != c.entry().primary) continue;
      if (asked->term != c.entry().term || asked->version != c.entry().version) continue;
      std::vector<std::string> names;
      for (const auto& member : asked->in_sync) names.push_back(member.node.str());
      c.set_in_sync(names);
    }
    publish();
  }

  // Reaches some at once, and the others later.
  void publish() {
    c.map.epoch = c.map.epoch.next();
    for (const std::string& name : kNames) {
      if (*rc::gen::inRange(0, 4) > 0) c.tell_map(name);
    }
  }

  void fault() {
    const std::string name = any();
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
        if (c.down.empty()) c.kill(name);
        break;
      case 1:
        if (!c.running(name)) {
          c.restart(name);
          c.map.epoch = c.map.epoch.next();
          c.tell_map(name);
        }
        break;
      case 2: c.disconnect(name, any()); break;
      case 3: c.reconnect(); break;
      case 4: c.drop = [count = 0](const Cluster::Packet&) mutable { return ++count % 3 == 0; }; break;
      default: c.drop = {}; break;
    }
  }

  void write() {
    const std::string name = any();
    if (!c.running(name)) return;
    auto increment = request({incr("n")}, *rc::gen::elementOf(kLevels));
    increment.id = {ClientId(1), WriteNumber(++numbers_)};
    const auto level = increment.ack;
    const auto ticket = c.write(name, std::move(increment));
    tickets_.push_back({name, ticket, level});
  }

  // At no time do two serve.
  void check_one_serves() {
    int serving = 0;
    for (const std::string& name : kNames) {
      if (c.running(name) && c.at(name)->serving(c.now)) ++serving;
    }
    RC_ASSERT(serving <= 1);
  }

  void collect_answers() {
    for (const auto& [name, ticket, level] : tickets_) {
      const auto& writes = c.at(name).writes;
      const auto found = writes.find(ticket);
      if (found == writes.end() || !found->second) continue;
      acknowledged_.insert(found->second->outcomes.front().version);
      if (level == kAckAll) kept_.insert(found->second->outcomes.front().version);
    }
  }

  void heal() {
    c.drop = {};
    c.reconnect();
    for (const std::string& name : kNames) {
      if (!c.running(name)) c.restart(name);
    }
    c.publish();
    for (int i = 0; i < 400; ++i) {
      c.advance(kTick);
      check_one_serves();
      const std::string primary = c.entry().primary.str();
      const bool stuck = c.entry().primary_incarnation != c.node(primary).incarnation || open_promise();
      if (i % 20 == 0 && stuck) elect(false);
      if (i % 10 == 0) {
        grant();
        c.publish();
      }
    }
  }
  bool open_promise() {
    bool open = false;
    for (const std::string& name : kNames) {
      const auto promise = c.at(name)->open_promise();
      if (!promise) continue;
      open = true;
      highest_promise_ = std::max(highest_promise_, *promise);
    }
    return open;
  }

  std::string describe() {
    std::string text = "primary " + c.entry().primary.str() + ", version " + std::to_string(c.entry().version) + "\n";
    for (const std::string& name : kNames) {
      const auto status = c.at(name)->status(c.now);
      text += name + " role " + std::to_string(static_cast<int>(status.role)) + " term " +
              std::to_string(status.term.value()) + " promised " + std::to_string(status.promised.value()) + " at " +
              to_string(status.position) + " " + (status.whole ? "" : "not whole ") + status.why + "\n";
    }
    return text;
  }

  Cluster c;
  std::set<Position> acknowledged_;  // versions of writes
  std::set<Position> kept_;          // of those that `all` acknowledged

 private:
  Term highest_promise_;
  std::uint64_t numbers_ = 0;
  struct Ticketed {
    std::string name;
    std::uint64_t ticket;
    messages::AckCount level;
  };
  std::vector<Ticketed> tickets_;
};

RC_GTEST_PROP(PartitionProperty, KeepsWhatAllAcknowledgedAndConverges, ()) {
  World w;
  const int steps = *rc::gen::inRange(1, 150);
  for (int i = 0; i < steps; ++i) {
    switch (*rc::gen::inRange(0, 12)) {
      case 0: w.fault(); break;
      case 1: w.elect(true); break;
      case 2: w.grant(); break;
      case 3: w.c.advance(std::chrono::milliseconds(*rc::gen::inRange(20, 2500))); break;
      case 4:
      case 5: w.c.advance(60ms); break;
      case 6: w.c.settle(); break;
      default: w.write(); break;
    }
    w.check_one_serves();
    w.collect_answers();
  }
  w.heal();
  w.collect_answers();
  const std::string primary = w.c.entry().primary.str();
  RC_LOG() << w.describe();
  RC_ASSERT(w.c.at(primary)->serving(w.c.now));
  const messages::PartitionState& state = w.c.at(primary)->state();
  for (const Position& version : w.kept_) {
    RC_ASSERT(contains(state.history, state.position, version) == Contains::yes);
  }
  std::set<Position> ledger;
  for (const std::string& name : kNames) {
    for (const messages::Loss& loss : w.c.at(name).ledger) ledger.insert(std::get<messages::LostWrite>(loss).position);
  }
  for (const Position& version : w.acknowledged_) {
    const bool survived = contains(state.history, state.position, version) == Contains::yes;
    RC_ASSERT(survived != ledger.contains(version));
  }
  for (const std::string& name : kNames) {
    RC_ASSERT(w.c.at(name)->state().position == state.position);
    RC_ASSERT(w.c.at(name).value("n") == w.c.at(primary).value("n"));
  }
}

}  // namespace
}  // namespace gyre::replication
