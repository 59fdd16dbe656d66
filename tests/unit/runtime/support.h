// A host over a memory engine that can fail, in a world whose clock and pool are driven by hand.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "base/assert.h"
#include "runtime/partition_host.h"
#include "storage/faulty_engine.h"
#include "storage/memory_engine.h"

namespace gyre::runtime {

using namespace std::chrono_literals;

inline constexpr std::uint32_t kPartitions = 4;

class ScriptedEnvironment final : public Environment {
 public:
  replication::Moment now() override { return now_; }
  Found found() const override { return {now_.steady, was_held_up}; }
  Result<void> run_blocking(Job work, Job done) override {
    if (pool_full) {
      return fail(Error{ErrorCode::busy, Outcome::not_applied, "the pool is full", std::chrono::milliseconds(20)});
    }
    jobs.push_back({std::move(work), std::move(done)});
    return {};
  }
  void send(const NodeId& to, messages::Message message) override { sent.emplace_back(to, std::move(message)); }
  std::size_t backlog(const NodeId& to) const override {
    const auto found = backlogs.find(to);
    return found == backlogs.end() ? 0 : found->second;
  }
  void tell_coordinator(messages::Message message) override { told.push_back(std::move(message)); }
  void trace(PartitionId partition, const replication::RoleChanged& change) override {
    traced.emplace_back(partition, change);
  }

  void advance(Duration by) {
    now_.steady += by;
    now_.wall.value += to_ms(by);
  }
  // Somebody sets the wall clock.
  void set_wall_clock(Duration by) { now_.wall.value += to_ms(by); }

  struct Pooled {
    Job work;
    Job done;
  };
  std::deque<Pooled> jobs;
  // The first of them. REQUIRES: there is one.
  Pooled take_job() {
    Pooled job = std::move(jobs.front());
    jobs.pop_front();
    return job;
  }
  bool pool_full = false;
  Duration was_held_up{0};
  std::vector<std::pair<NodeId, messages::Message>> sent;
  std::map<NodeId, std::size_t> backlogs;
  std::vector<messages::Message> told;  // to the coordinator
  std::vector<std::pair<PartitionId, replication::RoleChanged>> traced;

 private:
  replication::Moment now_{Instant(100s), UnixMillis{1'700'000'000'000}};
};

class Inbox final : public Responder {
 public:
  void respond(messages::Response response) override {
    order.push_back(response.id);
    GYRE_ASSERT(answers.emplace(response.id, std::move(response)).second);
  }

  std::map<RequestId, messages::Response> answers;
  std::vector<RequestId> order;
};

// Some key of `partition`; different for each `number`.
inline std::string key_in(std::uint16_t partition, int number = 0) {
  const ring::Partitioning partitioning(kPartitions);
  for (int i = 0;; ++i) {
    std::string key = "k" + std::to_string(i);
    if (partitioning.of(key) == PartitionId(partition) && number-- == 0) return key;
  }
}

inline messages::WriteOperation put(std::string_view key, std::string_view value) {
  messages::WriteOperation operation;
  operation.key = Bytes::copy_of(key);
  operation.value = Bytes::copy_of(value);
  return operation;
}

inline messages::WriteOperation put_if_absent(std::string_view key, std::string_view value) {
  messages::WriteOperation operation = put(key, value);
  operation.condition.kind = messages::Condition::Kind::absent;
  return operation;
}

inline messages::WriteOperation put_for(std::string_view key, std::string_view value, std::int64_t ttl_ms) {
  messages::WriteOperation operation = put(key, value);
  operation.expiry = {messages::Expiry::Kind::after, ttl_ms};
  return operation;
}

// One node: a host with all that it needs, and the requests asked of it.
struct HostedNode {
  explicit HostedNode(std::string name) : self(std::move(name)) {}
  ~HostedNode() {
    if (host) host->check_invariants();
  }

  void open(HostOptions options = {}) {
    options.self = self;
    if (options.incarnation == Incarnation()) options.incarnation = Incarnation(1);
    process = options.incarnation;
    environment.jobs.clear();
    host = *PartitionHost::open(options, engine, *ledger, environment, metrics);
  }

  RequestId ask(messages::RequestBody body, Duration budget = Duration(0)) {
    const RequestId id(++last_id);
    const Epoch epoch = host->map() ? host->map()->epoch : Epoch();
    host->on_request(inbox, {.id = id, .budget = budget, .epoch = epoch, .body = std::move(body)});
    return id;
  }
  RequestId get(std::string_view key, Duration budget = Duration(0)) {
    return ask(messages::GetRequest{Bytes::copy_of(key)}, budget);
  }
  RequestId write(std::vector<messages::WriteOperation> operations, Duration budget = Duration(0)) {
    return ask(messages::WriteRequest{std::move(operations)}, budget);
  }
  RequestId scan(std::uint16_t partition) { return ask(messages::ScanRequest{.partition = PartitionId(partition)}); }

  void end_turn() {
    host->end_turn();
    host->check_invariants();
  }
  // Lets the pool finish `count` jobs, the first first. What they bring is answered at the end of the turn.
  void run_jobs(std::size_t count = SIZE_MAX) {
    for (; count > 0 && !environment.jobs.empty(); --count) {
      auto job = environment.take_job();
      job.work();
      job.done();
    }
  }
  // Turn after turn until the pool has nothing left to do.
  void settle() {
    end_turn();
    while (!environment.jobs.empty()) {
      run_jobs();
      end_turn();
    }
  }
  RequestId settled(RequestId id) {
    settle();
    return id;
  }
  // Ticks for so long, and settles after each.
  void pass(Duration time) {
    for (Duration passed{0}; passed < time; passed += kTick) {
      environment.advance(kTick);
      host->on_tick();
      settle();
    }
  }
  // A value that is there, committed.
  void store(std::string_view key, std::string_view value) {
    const RequestId id = write({put(key, value)});
    settle();
    ASSERT_TRUE(succeeded(id)) << (answered(id) ? error(id).to_string() : "no answer");
  }

  bool answered(RequestId id) const { return inbox->answers.contains(id); }
  bool succeeded(RequestId id) const { return answered(id) && !std::holds_alternative<Error>(body(id)); }
  const messages::ResponseBody& body(RequestId id) const { return inbox->answers.at(id).body; }
  const Error& error(RequestId id) const { return std::get<Error>(body(id)); }
  const messages::GetResponse& got(RequestId id) const { return std::get<messages::GetResponse>(body(id)); }
  bool absent(RequestId id) const { return succeeded(id) && !got(id).record; }
  std::string value(RequestId id) const { return got(id).record.value().value.str(); }
  const messages::WriteOutcome& outcome(RequestId id) const {
    return std::get<messages::WriteResponse>(body(id)).outcomes.at(0);
  }
  const std::vector<messages::ScanItem>& items(RequestId id) const {
    return std::get<messages::ScanResponse>(body(id)).items;
  }

  // Takes what was told to the coordinator, messages of kind M only.
  template <class M>
  std::vector<M> take_told() {
    std::vector<M> taken;
    std::erase_if(environment.told, [&](messages::Message& message) {
      auto* m = std::get_if<M>(&message);
      if (m != nullptr) taken.push_back(std::move(*m));
      return m != nullptr;
    });
    return taken;
  }

  NodeId self;
  Incarnation process;
  storage::MemoryEngine memory;
  storage::FaultyEngine engine{memory, {}};
  std::unique_ptr<storage::Ledger> ledger = storage::make_memory_ledger();
  ScriptedEnvironment environment;
  MetricsRegistry registry;
  HostMetrics metrics{registry};
  std::shared_ptr<Inbox> inbox = std::make_shared<Inbox>();
  std::unique_ptr<PartitionHost> host;
  std::uint64_t last_id = 0;
};

// One node alone in the in-sync sets of its partitions.
class PartitionHostTest : public testing::Test, protected HostedNode {
 protected:
  explicit PartitionHostTest(Durability durability = Durability::everysec) : HostedNode("n1") {
    open({.durability = durability});
  }

  // A map in which n1 is primary of all partitions but those `elsewhere`, which n2 serves.
  void adopt_map(std::uint64_t term = 1, const std::vector<std::uint16_t>& elsewhere = {},
                 std::uint64_t incarnation = 1) {
    auto map = std::make_shared<ring::ClusterMap>();
    map->epoch = Epoch(++epoch);
    map->shape.partitions = kPartitions;
    for (const char* id : {"n1", "n2"}) {
      map->nodes.push_back({.id = NodeId(id), .incarnation = Incarnation(incarnation)});
    }
    map->entries.resize(kPartitions);
    for (std::uint16_t p = 0; p < kPartitions; ++p) {
      const bool here = std::ranges::find(elsewhere, p) == elsewhere.end();
      map->entries[p].term = Term(term);
      map->entries[p].version = epoch;
      map->entries[p].primary = NodeId(here ? "n1" : "n2");
      map->entries[p].primary_incarnation = Incarnation(incarnation);
      map->entries[p].in_sync = {{map->entries[p].primary, Generation(0)}};
    }
    host->on_map(std::move(map));
  }
  // Serves all partitions.
  void serve() {
    adopt_map();
    settle();
    ASSERT_EQ(host->partitions_served(), kPartitions);
  }

  std::uint64_t epoch = 0;
};

}  // namespace gyre::runtime
