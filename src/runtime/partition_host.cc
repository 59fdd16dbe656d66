#include "runtime/partition_host.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"

namespace gyre::runtime {

using messages::DigestRequest;
using messages::GetRequest;
using messages::Request;
using messages::ScanRequest;
using messages::WriteRequest;
using replication::Moment;

namespace {

// What is longer no member and no client would take.
Result<void> check_key(std::string_view key) {
  if (key.empty()) return fail(ErrorCode::invalid_argument, "a key has at least one byte: name the key that is meant");
  if (key.size() <= limits::kKeyBytesMax) return {};
  return fail(ErrorCode::too_large,
              fmt::format("a key of {} bytes: at most {} are allowed", key.size(), limits::kKeyBytesMax));
}

Result<PartitionId> checked(PartitionId partition, const ring::Partitioning& partitioning) {
  if (partition.value() < partitioning.count()) return partition;
  return fail(ErrorCode::invalid_argument,
              fmt::format("there is no partition {}: the cluster has {}", partition.value(), partitioning.count()));
}

// The partition that a message between members is about; none: it is another kind of message.
std::optional<PartitionId> peer_partition(const messages::Message& message) {
  return std::visit(
      []<class M>(const M& m) -> std::optional<PartitionId> {
        using namespace messages;
        constexpr bool between_members =
            std::is_same_v<M, Append> || std::is_same_v<M, AppendAck> || std::is_same_v<M, GivenUp> ||
            std::is_same_v<M, FetchKeys> || std::is_same_v<M, FetchedKeys> || std::is_same_v<M, SnapshotAsk> ||
            std::is_same_v<M, SnapshotChunk> || std::is_same_v<M, RetireAsk> || std::is_same_v<M, RetireAnswer>;
        if constexpr (between_members) return m.partition;
        return std::nullopt;
      },
      message);
}

// Of what a node may do, for each of its hosts; 0 stays 0.
std::uint64_t share_of(std::uint64_t all, std::uint32_t hosts) { return (all + hosts - 1) / hosts; }

void count_received(HostMetrics& metrics, const messages::Message& message) {
  if (std::holds_alternative<messages::Append>(message)) {
    metrics.appends_received.add();
  } else if (std::holds_alternative<messages::AppendAck>(message)) {
    metrics.acks_received.add();
  }
}

}  // namespace

PartitionHost::PartitionHost(HostOptions options, storage::Engine& engine, storage::Ledger& ledger,
                             Environment& environment, HostMetrics& metrics, Machines::Stored stored)
    : context_{.options = options,
               .engine = engine,
               .ledger = ledger,
               .environment = environment,
               .metrics = metrics,
               .machines = Machines(std::move(options), std::move(stored), ledger.lost_ids())} {}

Result<std::unique_ptr<PartitionHost>> PartitionHost::open(HostOptions options, storage::Engine& engine,
                                                           storage::Ledger& ledger, Environment& environment,
                                                           HostMetrics& metrics) {
  GYRE_TRY_SET(auto stored, engine.partitions());
  return std::unique_ptr<PartitionHost>(
      new PartitionHost(std::move(options), engine, ledger, environment, metrics, std::move(stored)));
}

// --- Map ---

void PartitionHost::on_map(ring::ClusterMapPtr map, replication::MapSource source) {
  const std::vector<Machine*> concerned = context_.machines.adopt(std::move(map), source);
  const ring::MoveLimits& moves = context_.machines.map()->moves;
  context_.pace.set_limits(share_of(moves.bytes_per_second, context_.options.shards), moves.p99_factor);
  const Moment now = context_.environment.now();
  for (Machine* machine : concerned) {
    if (stopping_) machine->partition.on_stopping(now);
    machine->partition.on_map(now, *context_.machines.map(), source);
    context_.machines.touch(*machine);
  }
}

bool PartitionHost::serves(PartitionId partition) {
  const Machine* machine = context_.machines.find(partition);
  return machine != nullptr && machine->partition.serving(context_.environment.now());
}

std::vector<messages::PartitionStatus> PartitionHost::statuses() const {
  const Moment now = context_.environment.now();
  std::vector<messages::PartitionStatus> statuses;
  for (const auto& machine : context_.machines.all()) {
    if (context_.machines.member(*machine)) statuses.push_back(machine->partition.status(now));
  }
  return statuses;
}

bool PartitionHost::settled() const { return map() != nullptr && settled_ == context_.machines.all().size(); }

bool PartitionHost::settled(PartitionId partition) {
  const Machine* machine = context_.machines.find(partition);
  GYRE_ASSERT(machine != nullptr);
  return machine->partition.settled(context_.environment.now());
}

bool PartitionHost::settled_away() const {
  return std::ranges::none_of(context_.machines.all(), [&](const auto& machine) {
    const ring::PartitionEntry& entry = context_.machines.entry_of(*machine);
    return entry.find_in_sync(context_.options.self) != nullptr && entry.in_sync.size() > 1;
  });
}

void PartitionHost::check_invariants() const {
  for (const auto& machine : context_.machines.all()) machine->partition.check_invariants();
}

// --- Time ---

void PartitionHost::on_tick() {
  const Moment now = context_.environment.now();
  context_.machines.running().tick(now.steady);
  const auto rests = context_.machines.rests();
  for (std::size_t i = 0; i < rests.size(); ++i) {
    if (now.steady < rests[i].quiet_until) continue;
    Machine& machine = *context_.machines.all()[i];
    machine.partition.on_tick(now);
    context_.machines.touch(machine);
  }
  ticked_ = true;
}

// How a machine stands at the end of a turn.
void PartitionHost::note(const Moment& now, Machine& machine) {
  const bool served = std::exchange(machine.served, machine.partition.serving(now));
  const bool settled = std::exchange(machine.settled, machine.partition.settled(now));
  served_ += std::size_t{machine.served} - std::size_t{served};
  settled_ += std::size_t{machine.settled} - std::size_t{settled};
  const bool repeats = machine.partition.open_promise() || machine.partition.silent_primary(now);
  context_.machines.set_rest(machine, {machine.partition.quiet_until(now), repeats});
  // A primary that is one still, and may serve no more.
  const bool ceased = served && !machine.served;
  if (!ceased || machine.partition.status(now).role != messages::PartitionStatus::Role::primary) return;
  context_.metrics.leases_lost.add();
}

void PartitionHost::on_second() {
  commits_.on_second();
  report_load();
  upkeep_.on_second();
}

void PartitionHost::report_load() {
  if (map() == nullptr) return;
  const Instant now = context_.environment.now().steady;
  const auto machines = context_.machines.all();
  const bool at_rest = !context_.pace.busy() && std::ranges::none_of(machines, [](const auto& machine) {
    return machine->partition.repairing();
  });
  context_.load.on_second(now, machines, at_rest);
  const LatencyWindows& latencies = context_.load.latencies();
  context_.pace.on_second(now, latencies.telling_p99(), latencies.rest_p99());
  messages::LoadReport report = context_.load.report(context_.machines);
  for (const auto& machine : machines) {
    for (auto& transfer : machine->partition.transfers()) {
      if (transfer.bytes_total == 0) transfer.bytes_total = std::max(machine->load.bytes, transfer.bytes_sent);
      report.transfers.push_back(std::move(transfer));
    }
  }
  context_.environment.tell_coordinator(std::move(report));
}

messages::HotResponse PartitionHost::hot(std::size_t keys_max) const {
  return context_.load.hot(context_.environment.now().steady, context_.machines, keys_max);
}

void PartitionHost::begin_stop() {
  if (std::exchange(stopping_, true)) return;
  const Moment now = context_.environment.now();
  for (const auto& machine : context_.machines.all()) machine->partition.on_stopping(now);
  context_.machines.touch_all();
}

// --- Messages ---

void PartitionHost::on_message(const messages::Sender& from, messages::Message message) {
  if (map() == nullptr || from.cluster != map()->cluster) return;
  if (const auto partition = peer_partition(message)) return receive(from, std::move(message), *partition);
  if (!from.node.empty()) return;  // what follows is the coordinator's to say
  if (const auto* poll = std::get_if<messages::Poll>(&message)) return receive(*poll);
  if (const auto* seal = std::get_if<messages::Seal>(&message)) return receive(*seal);
  if (const auto* order = std::get_if<messages::Order>(&message)) return receive(*order);
}

void PartitionHost::receive(const messages::Sender& from, messages::Message message, PartitionId partition) {
  if (from.node.empty() || from.node == context_.options.self) return;
  Machine* machine = context_.machines.find(partition);
  if (machine == nullptr) return;
  outbox_.on_heard(from);
  count_received(context_.metrics, message);
  machine->partition.on_peer(context_.environment.now(), from.node, from.incarnation, std::move(message));
  context_.machines.touch(*machine);
}

void PartitionHost::receive(const messages::Poll& poll) {
  const Moment now = context_.environment.now();
  messages::PollAnswer answer;
  for (const auto& [partition, term] : poll.partitions) {
    Machine* machine = context_.machines.find(partition);
    if (machine == nullptr) continue;
    answer.items.push_back({partition, term, machine->partition.on_poll(now, term, poll.suspect)});
    context_.machines.touch(*machine);
  }
  outbox_.tell_coordinator(std::move(answer));
}

void PartitionHost::receive(const messages::Seal& seal) {
  const Moment now = context_.environment.now();
  for (const auto& [partition, term] : seal.partitions) {
    Machine* machine = context_.machines.find(partition);
    if (machine == nullptr) continue;
    machine->partition.on_seal(now, term);
    context_.machines.touch(*machine);
  }
}

void PartitionHost::receive(const messages::Order& order) {
  Machine* machine = context_.machines.find(order.partition);
  if (machine == nullptr) return;
  machine->partition.on_order(context_.environment.now(), order);
  context_.machines.touch(*machine);
}

void PartitionHost::on_peer_refused(const NodeId& node, Incarnation incarnation, Instant tried_at) {
  const Moment now = context_.environment.now();
  for (const auto& machine : context_.machines.all()) {
    machine->partition.on_peer_dead(now, node, incarnation, tried_at);
  }
  context_.machines.touch_all();
  outbox_.on_refused(node, incarnation);
}

// --- Requests ---

Result<PartitionId> PartitionHost::partition_of(const Request& request) const {
  const auto partitioning = map()->partitioning();
  if (const auto* get = std::get_if<GetRequest>(&request.body)) {
    GYRE_TRY(check_key(get->key));
    return partitioning.of(get->key);
  }
  if (const auto* scan = std::get_if<ScanRequest>(&request.body)) return checked(scan->partition, partitioning);
  if (const auto* digest = std::get_if<DigestRequest>(&request.body)) return checked(digest->partition, partitioning);
  const auto* write = std::get_if<WriteRequest>(&request.body);
  if (write == nullptr || write->operations.empty()) {
    return fail(ErrorCode::invalid_argument, "a node serves gets, scans, and writes of at least one operation");
  }
  if (write->operations.size() > limits::kBatchOperationsMax) {
    return fail(ErrorCode::too_large, fmt::format("{} operations in one write: at most {} are allowed",
                                                  write->operations.size(), limits::kBatchOperationsMax));
  }
  const PartitionId first = partitioning.of(write->operations.front().key);
  for (const auto& operation : write->operations) {
    GYRE_TRY(check_key(operation.key));
    if (partitioning.of(operation.key) != first) {
      return fail(ErrorCode::invalid_argument,
                  "the keys of a batch live in different partitions: give them a common {hash tag}");
    }
  }
  return first;
}

Result<Machine*> PartitionHost::route(const Request& request) {
  if (map() == nullptr) {
    return fail(ErrorCode::unavailable, "this node has no cluster map yet: it waits for its coordinator");
  }
  if (requests_.bytes() > limits::kOpenRequestBytesMax) {
    return fail(Error{ErrorCode::busy, Outcome::not_applied,
                      "the requests that wait on this node hold too much memory: send less at once",
                      limits::kBusyRetryAfter});
  }
  GYRE_TRY_SET(const PartitionId partition, partition_of(request));
  Machine* machine = context_.machines.find(partition);
  GYRE_ASSERT(machine != nullptr);  // whoever calls us has routed by the same arithmetic
  return machine;
}

void PartitionHost::on_request(const ResponderPtr& from, Request request) {
  const Moment now = context_.environment.now();
  auto machine = route(request);
  if (const auto* get = std::get_if<GetRequest>(&request.body); get != nullptr && machine) {
    if (auto found = reads_.get_at_once(now, **machine, get->key, get->read)) {
      if (found->record && !get->value_wanted) found->record->value = {};
      return from->respond({request.id, map()->epoch, *std::move(found)});
    }
  }
  const Ticket ticket = requests_.add(now, from, request);
  if (!machine) return requests_.refuse(ticket, std::move(machine).error());
  auto* write = std::get_if<WriteRequest>(&request.body);
  if (write == nullptr) {
    requests_.get(ticket).body = std::move(request.body);
    return reads_.start(now, **machine, ticket);
  }
  context_.metrics.writes.add();
  if ((*machine)->served) context_.load.on_write(**machine, *write);
  (*machine)->partition.on_write(now, ticket, std::move(*write), requests_.get(ticket).deadline);
  context_.machines.touch(**machine);
}

std::optional<messages::GetResponse> PartitionHost::get_at_once(PartitionId partition, std::string_view key,
                                                                const messages::ReadConsistency& read) {
  Machine* machine = context_.machines.find(partition);
  if (map() == nullptr || machine == nullptr || !check_key(key)) return std::nullopt;
  return reads_.get_at_once(context_.environment.now(), *machine, key, read);
}

// --- Turns ---

void PartitionHost::end_turn() {
  commits_.retry_refused();
  // What a commit releases (writes queued behind a read, say) is committed in the same turn.
  do {
    const auto touched = context_.machines.take_touched();
    for (Machine* machine : touched) run_effects(*machine);
    commits_.commit(touched);
    reads_.end_turn();
  } while (context_.machines.any_touched());
  const Moment now = context_.environment.now();
  for (Machine* machine : context_.machines.take_changed()) note(now, *machine);
  if (std::exchange(ticked_, false)) outbox_.on_tick();
  tasks_.end_turn();
  commits_.end_turn();
  outbox_.end_turn();
}

void PartitionHost::run_effects(Machine& machine) {
  while (machine.partition.has_effects()) {
    for (replication::Effect& effect : machine.partition.take_effects(context_.environment.now())) {
      std::visit(
          [&](auto&& e) {
            if constexpr (requires { tasks_.carry_out(machine, std::move(e)); }) {
              tasks_.carry_out(machine, std::move(e));
            } else {
              carry_out(machine, std::move(e));
            }
          },
          std::move(effect));
    }
  }
}

void PartitionHost::carry_out(Machine& machine, replication::ReadCurrent effect) {
  reads_.on_read_current(machine, std::move(effect));
}

void PartitionHost::carry_out(Machine& machine, replication::ReadReady effect) {
  reads_.on_read_ready(machine, std::move(effect));
}

void PartitionHost::carry_out(Machine&, replication::WriteDone effect) {
  if (!effect.result) return requests_.refuse(effect.ticket, std::move(effect.result).error());
  requests_.respond(effect.ticket, *std::move(effect.result));
}

void PartitionHost::carry_out(Machine&, replication::Send effect) { outbox_.send(std::move(effect)); }

void PartitionHost::carry_out(Machine&, replication::TellCoordinator effect) {
  if (const auto* event = std::get_if<messages::NodeEvent>(&effect.message)) {
    if (event->kind == messages::NodeEvent::Kind::snapshot) context_.metrics.snapshots_received.add();
    if (event->kind == messages::NodeEvent::Kind::retired) {
      context_.metrics.retired.add();
      upkeep_.on_dropped();
    }
    if (event->kind == messages::NodeEvent::Kind::storage_failed) return;  // said once, for all machines
  }
  outbox_.tell_coordinator(std::move(effect.message));
}

void PartitionHost::carry_out(Machine& machine, replication::RoleChanged effect) {
  context_.environment.trace(machine.partition.id(), effect);
}

}  // namespace gyre::runtime
