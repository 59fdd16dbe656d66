// Some members of one partition on a virtual network, with a map and a coordinator that the test plays itself.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "replication/partition.h"
#include "replication/partition_clock.h"
#include "replication/window.h"

namespace gyre::replication::test {

using namespace std::chrono_literals;
using messages::WriteOperation;

inline const PartitionId kPartition{0};

inline WriteOperation put(std::string_view key, std::string_view value) {
  WriteOperation op;
  op.key = Bytes::copy_of(key);
  op.value = Bytes::copy_of(value);
  return op;
}

inline WriteOperation incr(std::string_view key, std::int64_t delta = 1) {
  WriteOperation op;
  op.kind = messages::WriteKind::incr;
  op.key = Bytes::copy_of(key);
  op.delta = delta;
  return op;
}

inline WriteOperation put_if_absent(std::string_view key, std::string_view value) {
  WriteOperation op = put(key, value);
  op.condition.kind = messages::Condition::Kind::absent;
  return op;
}

inline messages::WriteRequest request(std::vector<WriteOperation> operations,
                                      messages::AckCount ack = messages::kAckOne) {
  messages::WriteRequest write;
  write.operations = std::move(operations);
  write.ack = ack;
  return write;
}

inline ReadRequest reading(std::string_view key, messages::ReadLevel level, Position seen = {}) {
  return {.key = Bytes::copy_of(key), .read = {.level = level, .bound = {}, .seen = seen}};
}

// What survives a process.
struct Disk {
  std::map<std::string, messages::Record> records;
  std::vector<messages::LoggedWritePtr> log;
  messages::PartitionState state;
  std::vector<messages::WindowWrite> window;
};
struct Ledger {
  std::vector<messages::Loss> losses;
  std::vector<messages::Retried> reapplied;

  bool marked(const messages::LostWrite& write) const {
    return std::ranges::any_of(reapplied, [&](const messages::Retried& retry) {
      return retry.id == write.id && write.position.term < retry.term;
    });
  }
  std::vector<messages::LostId> lost_ids() const {
    std::vector<messages::LostId> lost;
    for (const messages::Loss& loss : losses) {
      const auto* write = std::get_if<messages::LostWrite>(&loss);
      if (write != nullptr && !marked(*write)) lost.push_back({write->id, write->position.term, write->time});
    }
    return lost;
  }
};

// One member's machine over a disk in memory.
class Member {
 public:
  using Written = Result<messages::WriteResponse>;

  Member(PartitionConfig config, Disk disk_before, Ledger ledger_before)
      : config_(std::move(config)),
        running(config_.started),
        disk(std::move(disk_before)),
        ledger(std::move(ledger_before.losses)),
        reapplied(std::move(ledger_before.reapplied)) {
    config_.running = &running;
    machine = std::make_unique<Partition>(config_, disk.state, disk.window, Ledger{ledger, reapplied}.lost_ids());
  }

  const PartitionConfig& config() const { return config_; }
  Partition* operator->() { return machine.get(); }

  // Commits what is pending and reports it; false: there was nothing.
  bool commit(const Moment& now) {
    auto persist = machine->take_persist();
    if (!persist) return false;
    store(*persist);
    machine->on_committed(now, persist->id);
    if (holds_syncs || (holds_seals && persist->synced)) {
      unsynced = persist->id;
    } else {
      machine->on_persisted(now, persist->id);
      unsynced.reset();
    }
    return true;
  }
  void sync(const Moment& now) {
    if (unsynced) machine->on_persisted(now, *std::exchange(unsynced, std::nullopt));
  }

  std::string value(const std::string& key) const {
    const auto found = disk.records.find(key);
    return found == disk.records.end() ? "" : found->second.value.str();
  }

 private:
  void put_record(const messages::Mutation& mutation) {
    if (mutation.kind == messages::Mutation::Kind::put) {
      disk.records[mutation.key.str()] = mutation.record;
    } else {
      disk.records.erase(mutation.key.str());
    }
  }

  void store(const Persist& persist) {
    if (persist.drop_first) disk = {};
    for (const auto& write : persist.writes) {
      disk.log.push_back(write);
      if (write->id.given()) disk.window.push_back(messages::window_write(*write));
      for (const auto& mutation : write->mutations) put_record(mutation);
    }
    for (const auto& mutation : persist.repairs) put_record(mutation);
    const Sequence last = persist.state.position.sequence;
    std::erase_if(disk.log, [&](const auto& write) { return write->position.sequence > last; });
    std::erase_if(disk.window, [&](const auto& write) { return write.position.sequence > last; });
    if (persist.drop_first || (persist.writes.empty() && persist.window)) disk.log.clear();
    if (persist.window) disk.window = *persist.window;
    disk.state = persist.state;
  }

  PartitionConfig config_;

 public:
  RunningClock running;
  Instant quiet_until;  // as of the last call
  Disk disk;
  std::vector<messages::Loss> ledger;
  std::vector<messages::Retried> reapplied;
  std::unique_ptr<Partition> machine;
  bool holds_syncs = false;  // commits are reported by sync() only
  bool holds_seals = false;  // those that have to be synced
  bool fails_exports = false;
  int exports = 0;  // tried
  bool fails_mark = false;  // the next one
  std::optional<std::uint64_t> unsynced;
  std::map<std::uint64_t, Written> writes;
  std::map<std::uint64_t, decltype(ReadReady::result)> ready_reads;
  std::vector<ReadCurrent> reads;  // not answered yet
  std::vector<RoleChanged> roles;
  std::map<TaskId, std::vector<messages::FetchedKey>> snapshots;
  std::map<TaskId, std::vector<messages::Mutation>> ingestions;
};

class Cluster {
 public:
  struct Packet {
    NodeId from;
    Incarnation incarnation;
    NodeId to;
    messages::Message message;
  };
  struct Told {
    NodeId from;
    messages::Message message;
  };

  explicit Cluster(std::vector<std::string> names, std::uint32_t min_in_sync = 1) {
    map.shape.partitions = 1;
    map.shape.replication_factor = static_cast<std::uint32_t>(names.size());
    map.shape.min_in_sync = min_in_sync;
    map.entries.resize(1);
    for (const std::string& name : names) {
      ring::NodeInfo info;
      info.id = NodeId(name);
      info.incarnation = Incarnation(1);
      info.generation = Generation(1);
      map.nodes.push_back(info);
      start(name);
    }
  }

  // --- The map ---

  ring::PartitionEntry& entry() { return map.entries[0]; }
  ring::NodeInfo& node(const std::string& name) {
    return *std::ranges::find(map.nodes, NodeId(name), &ring::NodeInfo::id);
  }
  // The next term, with this primary and in-sync set; all other nodes are learners.
  void appoint(const std::string& primary, const std::vector<std::string>& in_sync, std::uint64_t term = 0) {
    entry().term = term == 0 ? entry().term.next() : Term(term);
    entry().primary = NodeId(primary);
    entry().primary_incarnation = node(primary).incarnation;
    set_in_sync(in_sync);
  }
  void set_in_sync(const std::vector<std::string>& names) {
    entry().in_sync.clear();
    entry().learners.clear();
    for (const std::string& name : names) entry().in_sync.push_back({NodeId(name), node(name).generation});
    for (const ring::NodeInfo& info : map.nodes) {
      if (!entry().find_in_sync(info.id)) entry().learners.push_back(info.id);
    }
    ++entry().version;
  }
  // All others are no members.
  void set_members(const std::vector<std::string>& in_sync, const std::vector<std::string>& learners = {}) {
    set_in_sync(in_sync);
    entry().learners.clear();
    for (const std::string& name : learners) entry().learners.push_back(NodeId(name));
  }
  void publish() {
    map.epoch = map.epoch.next();
    for (auto& [name, member] : members) tell_map(name);
  }
  void tell_map(const std::string& name) {
    if (!running(name)) return;
    at(name)->on_map(now, map);
    collect(name);
  }
  // Appoints, and lets things settle until the primary serves.
  void serve(const std::string& primary, const std::vector<std::string>& in_sync) {
    appoint(primary, in_sync);
    publish();
    for (int i = 0; i < 200 && !at(primary)->serving(now); ++i) advance(kTick);
    ASSERT_TRUE(at(primary)->serving(now)) << at(primary)->status(now).why;
  }

  // --- Processes ---

  Member& at(const std::string& name) { return *members.at(name); }
  bool running(const std::string& name) const { return !down.contains(name); }
  void start(const std::string& name, bool loses_nothing = true) {
    Disk disk = members.contains(name) ? members.at(name)->disk : Disk{};
    Ledger ledger;
    if (members.contains(name)) ledger = {members.at(name)->ledger, members.at(name)->reapplied};
    members[name] = std::make_unique<Member>(PartitionConfig{.id = kPartition,
                                                             .self = NodeId(name),
                                                             .incarnation = node(name).incarnation,
                                                             .generation = node(name).generation,
                                                             .loses_nothing = loses_nothing,
                                                             .started = now.steady,
                                                             .broken = broken},
                                             std::move(disk), std::move(ledger));
    down.erase(name);
  }
  void kill(const std::string& name) { down.insert(name); }
  // A new process with the same data.
  void restart(const std::string& name) {
    node(name).incarnation = node(name).incarnation.next();
    start(name);
  }
  // The machine died: all later than `disk` is gone, and the data is of a new generation.
  void restart_lossy(const std::string& name, Disk disk) {
    node(name).incarnation = node(name).incarnation.next();
    node(name).generation = node(name).generation.next();
    members.at(name)->disk = std::move(disk);
    start(name, false);
  }
  // Everybody notices that its port refuses connections.
  void prove_dead(const std::string& name) {
    for (auto& [other, member] : members) {
      if (other == name || !running(other)) continue;
      at(other)->on_peer_dead(now, NodeId(name), node(name).incarnation, now.steady);
      collect(other);
    }
  }

  // --- Requests ---

  std::uint64_t write(const std::string& name, messages::WriteRequest write) {
    at(name)->on_write(now, Ticket(++last_ticket), std::move(write));
    collect(name);
    return last_ticket;
  }
  // Writes, and waits until all is quiet.
  Member::Written written(const std::string& name, messages::WriteRequest request) {
    const auto ticket = write(name, std::move(request));
    settle();
    return answer(name, ticket);
  }
  // The same where the answer does not matter.
  void run(const std::string& name, messages::WriteRequest request) {
    write(name, std::move(request));
    settle();
  }
  bool answered(const std::string& name, std::uint64_t ticket) { return at(name).writes.contains(ticket); }
  Member::Written answer(const std::string& name, std::uint64_t ticket) {
    const auto found = at(name).writes.find(ticket);
    if (found == at(name).writes.end()) return fail(ErrorCode::timeout, "not answered", Outcome::unknown);
    return found->second;
  }
  ErrorCode code(const Member::Written& result) { return result ? ErrorCode{} : result.error().code; }
  // Asks for leave at once, as for a value found in memory. None: it waits.
  std::optional<Result<bool>> read(const std::string& name, const ReadRequest& request) {
    const Ticket ticket(++last_ticket);
    auto plan = at(name)->on_read(now, ticket, request);
    collect(name);
    if (!plan) return fail(plan.error());
    if (*plan == Partition::ReadPlan::wait) return std::nullopt;
    auto leaves = at(name)->may_leave(now, ticket, request, false);
    collect(name);
    if (leaves && !*leaves) return std::nullopt;
    return leaves;
  }

  // --- The world ---

  // Commits, delivers and works until nothing is left to do, also of what members gather until the next tick.
  void settle() {
    work_through();
    tick_members();
    work_through();
  }
  void tick() {
    tick_members();
    settle();
  }
  void tick_members() {
    for (auto& [name, member] : members) {
      if (!running(name) || paused.contains(name)) continue;
      member->running.tick(now.steady);
      // Wherever it may be left out, it is.
      if (now.steady < member->quiet_until) continue;
      (*member)->on_tick(now);
      collect(name);
    }
  }
  // All that goes on without a tick.
  void work_through() {
    bool busy = true;
    for (int rounds = 0; busy; ++rounds) {
      ASSERT_LT(rounds, 100'000) << "never quiet";
      busy = deliver_one();
      for (auto& [name, member] : members) {
        if (!running(name)) continue;
        answer_current(name);
        busy = member->commit(now) || busy;
        collect(name);
      }
      busy = work_one() || busy || !network.empty();
    }
  }
  void advance(Duration time) {
    for (Duration passed{0}; passed < time; passed += kTick) {
      now.steady += kTick;
      now.wall.value += to_ms(kTick);
      tick();
    }
  }
  bool deliver_one() {
    while (!network.empty()) {
      Packet packet = std::move(network.front());
      network.pop_front();
      const bool lost =
          cut.contains({packet.from.str(), packet.to.str()}) || !running(packet.to.str()) || (drop && drop(packet));
      if (lost) continue;
      if (observe) observe(packet);
      at(packet.to.str())->on_peer(now, packet.from, packet.incarnation, std::move(packet.message));
      collect(packet.to.str());
      return true;
    }
    return false;
  }
  void disconnect(const std::string& a, const std::string& b) {
    cut.insert({a, b});
    cut.insert({b, a});
  }
  void reconnect() { cut.clear(); }

  void collect(const std::string& name) {
    Member& member = at(name);
    for (Effect& effect : member->take_effects(now)) take(name, member, std::move(effect));
    member->check_invariants();
    member.quiet_until = member->quiet_until(now);
  }

  // The last message of this kind that the node told the coordinator.
  template <class M>
  std::optional<M> told(const std::string& name) const {
    for (auto it = coordinator.rbegin(); it != coordinator.rend(); ++it) {
      const auto* message = std::get_if<M>(&it->message);
      if (message != nullptr && it->from == NodeId(name)) return *message;
    }
    return std::nullopt;
  }
  std::optional<messages::SealAnswer::Item> seal(const std::string& name, std::uint64_t term) {
    coordinator.clear();
    at(name)->on_seal(now, Term(term));
    collect(name);
    settle();
    const auto answer = told<messages::SealAnswer>(name);
    if (!answer) return std::nullopt;
    return answer->items.front();
  }

  void answer_current(const std::string& name) {
    Member& member = at(name);
    if (holds_reads) return;
    while (!member.reads.empty()) {
      const ReadCurrent read = member.reads.front();
      member.reads.erase(member.reads.begin());
      std::optional<messages::Record> record;
      const auto found = member.disk.records.find(read.key.str());
      if (found != member.disk.records.end()) record = found->second;
      member->on_current(now, read.ticket, read.operation, std::move(record));
      collect(name);
    }
  }

 private:
  using Work = std::function<void()>;

  void take(const std::string& name, Member& member, Effect effect) {
    if (auto* read = std::get_if<ReadCurrent>(&effect)) {
      member.reads.push_back(*read);
    } else if (auto* done = std::get_if<WriteDone>(&effect)) {
      EXPECT_TRUE(member.writes.emplace(done->ticket.value(), std::move(done->result)).second) << "answered twice";
    } else if (auto* ready = std::get_if<ReadReady>(&effect)) {
      EXPECT_TRUE(member.ready_reads.emplace(ready->ticket.value(), std::move(ready->result)).second);
    } else if (auto* send = std::get_if<Send>(&effect)) {
      network.push_back({NodeId(name), member.config().incarnation, send->to, std::move(send->message)});
    } else if (auto* told = std::get_if<TellCoordinator>(&effect)) {
      coordinator.push_back({NodeId(name), std::move(told->message)});
    } else if (auto* role = std::get_if<RoleChanged>(&effect)) {
      member.roles.push_back(*role);
    } else if (auto* close = std::get_if<CloseSnapshot>(&effect)) {
      member.snapshots.erase(close->task);
    } else if (const auto* dropped = std::get_if<DropIngestion>(&effect)) {
      member.ingestions.erase(dropped->task);
    } else {
      work.push_back([this, name, &member, effect = std::move(effect)] {
        if (!running(name) || members.at(name).get() != &member) return;
        carry_out(member, effect);
        collect(name);
      });
      // A snapshot is taken at once.
      if (std::holds_alternative<OpenSnapshot>(effect)) {
        work.back()();
        work.pop_back();
      }
    }
  }

  void carry_out(Member& member, const Effect& effect) {
    if (const auto* log = std::get_if<ReadLog>(&effect)) {
      std::vector<messages::LoggedWritePtr> found;
      for (const auto& write : member.disk.log) {
        if (write->position.sequence > log->after) found.push_back(write);
      }
      const bool reaches = !found.empty() && found.front()->position.sequence == log->after.next();
      if (reaches) {
        member->on_log(now, log->task, std::move(found));
      } else {
        member->on_log(now, log->task, fail(ErrorCode::not_found, "the log does not reach back"));
      }
    } else if (const auto* keys = std::get_if<ReadKeys>(&effect)) {
      std::vector<messages::FetchedKey> found;
      for (const Bytes& key : keys->keys) {
        const auto record = member.disk.records.find(key.str());
        found.push_back({key, record == member.disk.records.end() ? std::nullopt : std::optional(record->second)});
      }
      member->on_keys(now, keys->task, std::move(found));
    } else if (const auto* open = std::get_if<OpenSnapshot>(&effect)) {
      auto& snapshot = member.snapshots[open->task];
      for (const auto& [key, record] : member.disk.records) snapshot.push_back({Bytes::copy_of(key), record});
      member->on_snapshot_open(now, open->task, {});
    } else if (const auto* next = std::get_if<ReadSnapshot>(&effect)) {
      auto& snapshot = member.snapshots[next->task];
      const auto end = snapshot.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(snapshot.size(), 2));
      std::vector<messages::FetchedKey> records(snapshot.begin(), end);
      snapshot.erase(snapshot.begin(), end);
      member->on_snapshot_records(now, next->task, std::move(records));
    } else if (const auto* ingest = std::get_if<IngestRecords>(&effect)) {
      auto& aside = member.ingestions[ingest->task];
      aside.insert(aside.end(), ingest->records.begin(), ingest->records.end());
      member->on_ingested(now, ingest->task, {});
    } else if (const auto* finish = std::get_if<FinishIngestion>(&effect)) {
      for (const auto& record : member.ingestions[finish->task]) {
        member.disk.records.insert_or_assign(record.key.str(), record.record);
      }
      member.ingestions.erase(finish->task);
      member->on_ingested(now, finish->task, {});
    } else if (const auto* losses = std::get_if<ExportLosses>(&effect)) {
      ++member.exports;
      if (member.fails_exports) {
        member->on_exported(now, losses->task, fail(ErrorCode::storage_failed, "the ledger cannot be written"));
        return;
      }
      member.ledger.insert(member.ledger.end(), losses->losses.begin(), losses->losses.end());
      member->on_exported(now, losses->task, {});
    } else if (const auto* mark = std::get_if<MarkReapplied>(&effect)) {
      if (std::exchange(member.fails_mark, false)) {
        member->on_marked(now, mark->task, fail(ErrorCode::storage_failed, "the ledger cannot be written"));
        return;
      }
      member.reapplied.insert(member.reapplied.end(), mark->retries.begin(), mark->retries.end());
      member->on_marked(now, mark->task, {});
    }
  }

  bool work_one() {
    if (work.empty() || holds_work) return false;
    const Work next = std::move(work.front());
    work.pop_front();
    next();
    return true;
  }

 public:
  Moment now{Instant(std::chrono::hours(1)), {1'700'000'000'000}};
  BrokenRule broken = BrokenRule::none;
  ring::ClusterMap map;
  std::map<std::string, std::unique_ptr<Member>> members;
  std::set<std::string> down;
  std::set<std::string> paused;  // get no ticks
  std::set<std::pair<std::string, std::string>> cut;  // from, to
  std::function<bool(const Packet&)> drop;
  std::function<void(const Packet&)> observe;
  std::deque<Packet> network;
  std::vector<Told> coordinator;
  std::deque<Work> work;
  bool holds_work = false;
  bool holds_reads = false;
  std::uint64_t last_ticket = 0;
};

}  // namespace gyre::replication::test
