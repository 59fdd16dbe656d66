#include "runtime/partition_host.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"
#include "replication/evaluate.h"

namespace gyre::runtime {

using messages::GetRequest;
using messages::Request;
using messages::Response;
using messages::ScanRequest;
using messages::WriteRequest;
using replication::Moment;

namespace {

std::unexpected<Error> empty_key() {
  return fail(ErrorCode::invalid_argument, "a key has at least one byte: name the key that is meant");
}

// What a request holds in memory while it is open, about.
std::size_t bytes_of(const Request& request) {
  std::size_t bytes = sizeof request;
  if (const auto* write = std::get_if<WriteRequest>(&request.body)) {
    for (const auto& operation : write->operations) {
      bytes += sizeof operation + operation.key.size() + operation.value.size();
    }
  }
  return bytes;
}

Error timed_out() {
  return {ErrorCode::timeout, Outcome::not_applied, "the deadline passed before the request's turn came", {}};
}

}  // namespace

HostMetrics::HostMetrics(MetricsRegistry& registry)
    : reads(registry.counter("gyre_reads_total", "Keys read by get requests")),
      reads_from_disk(registry.counter("gyre_reads_from_disk_total", "Keys whose read had to go to the disk")),
      writes(registry.counter("gyre_writes_total", "Write requests, a batch counts once")),
      scans(registry.counter("gyre_scans_total", "Pages of scans")),
      refused(registry.counter("gyre_requests_refused_total",
                               "Requests answered with an error other than not_found and condition_failed")),
      commits(registry.counter("gyre_commits_total", "Group commits")),
      syncs(registry.counter("gyre_syncs_total", "Syncs of the write-ahead log")),
      storage_errors(registry.counter("gyre_storage_errors_total", "Reads, writes and syncs that storage failed")),
      sweeps(registry.counter("gyre_sweeps_total", "Sweeps for expired values")) {}

PartitionHost::PartitionHost(HostOptions options, storage::Engine& engine, Environment& environment,
                             HostMetrics& metrics)
    : options_(std::move(options)), engine_(engine), environment_(environment), metrics_(metrics) {}

Result<std::unique_ptr<PartitionHost>> PartitionHost::open(HostOptions options, storage::Engine& engine,
                                                           Environment& environment, HostMetrics& metrics) {
  GYRE_TRY_SET(auto stored, engine.partitions());
  std::unique_ptr<PartitionHost> host(new PartitionHost(std::move(options), engine, environment, metrics));
  for (auto& [partition, state] : stored) host->stored_.emplace(partition, std::move(state));
  return host;
}

// --- Map ---

void PartitionHost::on_map(ring::ClusterMapPtr map) {
  GYRE_ASSERT(map_ == nullptr || map->epoch > map_->epoch);
  map_ = std::move(map);
  const Moment now = environment_.now();
  machines_.resize((map_->shape.partitions + options_.shards - 1 - options_.shard) / options_.shards);
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    const PartitionId id(static_cast<std::uint16_t>(i * options_.shards + options_.shard));
    if (machines_[i] == nullptr) {
      const auto stored = stored_.find(id);
      machines_[i] = std::make_unique<Machine>(replication::Partition(
          id, options_.self, options_.incarnation,
          stored == stored_.end() ? messages::PartitionState{} : std::move(stored->second), options_.broken));
    }
    machines_[i]->partition.on_entry(now, map_->entry(id));
    run_effects(*machines_[i]);
    mark_dirty(*machines_[i]);
  }
  stored_.clear();
}

PartitionHost::Machine* PartitionHost::machine_of(PartitionId partition) {
  if (partition.value() % options_.shards != options_.shard) return nullptr;
  const std::size_t index = partition.value() / options_.shards;
  return index < machines_.size() ? machines_[index].get() : nullptr;
}

std::size_t PartitionHost::partitions_served() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(machines_, [](const auto& machine) { return machine->partition.serving(); }));
}

void PartitionHost::check_invariants() const {
  for (const auto& machine : machines_) machine->partition.check_invariants();
}

// --- Requests ---

Result<PartitionId> PartitionHost::partition_of(const Request& request) const {
  const auto partitioning = map_->partitioning();
  if (const auto* get = std::get_if<GetRequest>(&request.body)) {
    if (get->key.empty()) return empty_key();
    return partitioning.of(get->key);
  }
  if (const auto* scan = std::get_if<ScanRequest>(&request.body)) {
    if (scan->partition.value() < partitioning.count()) return scan->partition;
    return fail(ErrorCode::invalid_argument, fmt::format("there is no partition {}: the cluster has {}",
                                                         scan->partition.value(), partitioning.count()));
  }
  const auto* write = std::get_if<WriteRequest>(&request.body);
  if (write == nullptr || write->operations.empty()) {
    return fail(ErrorCode::invalid_argument, "a node serves gets, scans, and writes of at least one operation");
  }
  const PartitionId first = partitioning.of(write->operations.front().key);
  for (const auto& operation : write->operations) {
    if (operation.key.empty()) return empty_key();
    if (partitioning.of(operation.key) != first) {
      return fail(ErrorCode::invalid_argument,
                  "the keys of a batch live in different partitions: give them a common {hash tag}");
    }
  }
  return first;
}

Result<PartitionHost::Machine*> PartitionHost::route(const Request& request) {
  if (map_ == nullptr) {
    return fail(ErrorCode::unavailable, "this node has no cluster map yet: it waits for its coordinator");
  }
  if (open_request_bytes_ > limits::kOpenRequestBytesMax) {
    return fail(Error{ErrorCode::busy, Outcome::not_applied,
                      "the requests that wait on this node hold too much memory: send less at once",
                      limits::kBusyRetryAfter});
  }
  GYRE_TRY_SET(const PartitionId partition, partition_of(request));
  Machine* machine = machine_of(partition);
  GYRE_ASSERT(machine != nullptr);  // whoever calls us has routed by the same arithmetic
  return machine;
}

void PartitionHost::on_request(const ResponderPtr& from, Request request) {
  const Moment now = environment_.now();
  OpenRequest open{from, request.id, kNever, bytes_of(request), {}};
  if (request.budget > Duration(0)) open.deadline = now.steady + request.budget;
  auto machine = route(request);
  open_request_bytes_ += open.bytes;
  if (!machine) {
    respond_error(requests_.insert(std::move(open)), std::move(machine).error());
    return;
  }
  if (auto* write = std::get_if<WriteRequest>(&request.body)) {
    metrics_.writes.add();
    (*machine)->partition.on_write(now, requests_.insert(std::move(open)), std::move(write->operations));
    run_effects(**machine);
    mark_dirty(**machine);
    return;
  }
  open.body = std::move(request.body);
  std::optional<Bytes> key;
  if (const auto* get = std::get_if<GetRequest>(&open.body)) key = get->key;
  start_read(**machine, requests_.insert(std::move(open)), std::move(key));
}

void PartitionHost::start_read(Machine& machine, Ticket ticket, std::optional<Bytes> key) {
  const auto plan = machine.partition.on_read(environment_.now(), ticket, std::move(key));
  if (!plan) {
    respond_error(ticket, plan.error());
  } else if (*plan == replication::Partition::ReadPlan::engine) {
    read_engine(machine, ticket);
  } else {
    run_effects(machine);
  }
}

void PartitionHost::read_engine(Machine& machine, Ticket ticket) {
  const OpenRequest* request = requests_.find(ticket);
  GYRE_ASSERT(request != nullptr);
  const auto* get = std::get_if<GetRequest>(&request->body);
  if (get == nullptr) return start_scan(machine, ticket);
  metrics_.reads.add();
  const auto found =
      engine_.get(machine.partition.id(), get->key, machine.partition.time(environment_.now()), storage::Tier::memory);
  if (!found) {
    metrics_.storage_errors.add();
    respond_error(ticket, found.error());
  } else if (found->state == storage::Lookup::State::needs_disk) {
    disk_reads_[machine.partition.id()].push_back({ticket, get->key, std::nullopt});
  } else {
    answer_get(machine, ticket, found->state == storage::Lookup::State::found ? &found->record : nullptr);
  }
}

messages::ResponseBody PartitionHost::get_answer(Machine& machine, Ticket ticket, const messages::Record* record) {
  const UnixMillis time = machine.partition.time(environment_.now());
  if (record == nullptr || replication::expired(*record, time)) {
    return Error{ErrorCode::not_found, Outcome::not_applied, "the key does not exist", {}};
  }
  messages::GetResponse response{*record, replication::ttl_ms(*record, time)};
  if (!std::get<GetRequest>(requests_.find(ticket)->body).value_wanted) response.record.value = {};
  return response;
}

// The value was read first; the right to serve is asked for last.
void PartitionHost::answer_get(Machine& machine, Ticket ticket, const messages::Record* record) {
  if (auto may = machine.partition.may_answer(environment_.now()); !may) {
    return respond_error(ticket, std::move(may).error());
  }
  respond(ticket, get_answer(machine, ticket, record));
}

void PartitionHost::answer_from_disk(Machine& machine, Ticket ticket, messages::ResponseBody found) {
  const auto leaves = machine.partition.may_leave(environment_.now(), ticket);
  if (!leaves) return respond_error(ticket, leaves.error());
  if (*leaves) return respond(ticket, std::move(found));
  requests_.find(ticket)->found = std::move(found);
}

void PartitionHost::start_scan(Machine& machine, Ticket ticket) {
  metrics_.scans.add();
  const auto& scan = std::get<ScanRequest>(requests_.find(ticket)->body);
  auto page = std::make_shared<Result<storage::ScanPage>>();
  const auto submitted = environment_.run_blocking(
      [engine = &engine_, id = machine.partition.id(), scan, time = machine.partition.time(environment_.now()), page] {
        const storage::ScanRange range{.prefix = scan.prefix,
                                       .after = scan.after,
                                       .items_max = std::min<std::size_t>(scan.items_max, limits::kScanItemsMax),
                                       .bytes_max = limits::kScanBytesMax,
                                       .values_wanted = scan.values_wanted};
        *page = engine->scan(id, range, time);
      },
      [this, &machine, ticket, page] { finish_scan(machine, ticket, std::move(*page)); });
  if (!submitted) respond_error(ticket, submitted.error());
}

void PartitionHost::finish_scan(Machine& machine, Ticket ticket, Result<storage::ScanPage> page) {
  if (!page) {
    metrics_.storage_errors.add();
    return respond_error(ticket, std::move(page).error());
  }
  const Moment now = environment_.now();
  messages::ScanResponse response;
  response.more = page->more;
  response.items.reserve(page->items.size());
  for (auto& [key, record] : page->items) {
    const std::int64_t ttl = replication::ttl_ms(record, machine.partition.time(now));
    response.items.push_back({std::move(key), std::move(record), ttl});
  }
  answer_from_disk(machine, ticket, std::move(response));
}

// One job for each partition concerned.
void PartitionHost::start_disk_reads() {
  for (auto& [partition, reads] : std::exchange(disk_reads_, {})) {
    metrics_.reads_from_disk.add(reads.size());
    Machine& machine = *machine_of(partition);
    using Found = Result<std::vector<storage::Lookup>>;
    auto shared = std::make_shared<std::pair<std::vector<DiskRead>, Found>>(std::move(reads), Found());
    const auto submitted = environment_.run_blocking(
        [engine = &engine_, id = partition, time = machine.partition.time(environment_.now()), shared] {
          std::vector<std::string_view> keys;
          for (const DiskRead& read : shared->first) keys.push_back(read.key);
          shared->second = engine->multi_get(id, keys, time);
        },
        [this, &machine, shared] {
          auto& [asked, found] = *shared;
          for (std::size_t i = 0; i < asked.size(); ++i) {
            finish_disk_read(machine, asked[i],
                             found ? Result<storage::Lookup>(std::move((*found)[i])) : fail(found.error()));
          }
        });
    if (submitted) continue;
    for (const DiskRead& read : shared->first) finish_disk_read(machine, read, fail(submitted.error()));
  }
}

void PartitionHost::finish_disk_read(Machine& machine, const DiskRead& read, Result<storage::Lookup> found) {
  const Moment now = environment_.now();
  const OpenRequest* request = requests_.find(read.ticket);
  if (request == nullptr) return;  // answered already: its write was refused
  if (request->deadline <= now.steady) found = fail(timed_out());
  if (!found && found.error().code != ErrorCode::timeout && found.error().code != ErrorCode::busy) {
    metrics_.storage_errors.add();
  }
  if (!read.operation) {
    if (!found) return respond_error(read.ticket, std::move(found).error());
    const bool exists = found->state == storage::Lookup::State::found;
    return answer_from_disk(machine, read.ticket, get_answer(machine, read.ticket, exists ? &found->record : nullptr));
  }
  Result<std::optional<messages::Record>> current;
  if (!found) {
    current = fail(std::move(found).error());
  } else if (found->state == storage::Lookup::State::found) {
    current = std::move(found->record);
  }
  machine.partition.on_current(now, read.ticket, *read.operation, std::move(current));
  run_effects(machine);
  mark_dirty(machine);
}

// --- Effects ---

void PartitionHost::run_effects(Machine& machine) {
  while (machine.partition.has_effects()) {
    for (replication::Effect& effect : machine.partition.take_effects()) {
      std::visit([&](auto&& e) { carry_out(machine, std::move(e)); }, std::move(effect));
    }
  }
}

void PartitionHost::carry_out(Machine& machine, replication::ReadCurrent effect) {
  auto found = engine_.get(machine.partition.id(), effect.key, machine.partition.time(environment_.now()),
                           storage::Tier::memory);
  const DiskRead read{effect.ticket, std::move(effect.key), effect.operation};
  if (found && found->state == storage::Lookup::State::needs_disk) {
    disk_reads_[machine.partition.id()].push_back(read);
    return;
  }
  Result<std::optional<messages::Record>> current;
  if (!found) {
    metrics_.storage_errors.add();
    current = fail(std::move(found).error());
  } else if (found->state == storage::Lookup::State::found) {
    current = std::move(found->record);
  }
  machine.partition.on_current(environment_.now(), read.ticket, *read.operation, std::move(current));
}

void PartitionHost::carry_out(Machine&, replication::WriteDone effect) {
  if (!effect.result) return respond_error(effect.ticket, std::move(effect.result).error());
  respond(effect.ticket, messages::WriteResponse{*std::move(effect.result)});
}

void PartitionHost::carry_out(Machine& machine, replication::ReadReady effect) {
  if (!effect.result) return respond_error(effect.ticket, std::move(effect.result).error());
  if (std::holds_alternative<replication::ReadReady::FromEngine>(*effect.result)) {
    return read_engine(machine, effect.ticket);
  }
  if (std::holds_alternative<replication::ReadReady::Release>(*effect.result)) {
    messages::ResponseBody found = std::move(requests_.find(effect.ticket)->found);
    return respond(effect.ticket, std::move(found));
  }
  metrics_.reads.add();
  const auto& record = std::get<std::optional<messages::Record>>(*effect.result);
  answer_get(machine, effect.ticket, record ? &*record : nullptr);
}

void PartitionHost::carry_out(Machine& machine, replication::RoleChanged effect) {
  environment_.trace(machine.partition.id(), effect);
}

void PartitionHost::mark_dirty(Machine& machine) {
  if (machine.dirty) return;
  machine.dirty = true;
  dirty_.push_back(&machine);
}

// --- Commit ---

void PartitionHost::end_turn() {
  // A term whose commit was refused in an earlier turn is tried again.
  for (Machine* machine : std::exchange(refused_, {})) mark_dirty(*machine);
  // What a commit releases (writes queued behind a read) is committed in the same turn.
  while (!dirty_.empty()) commit();
  start_disk_reads();
  if (options_.durability == Durability::always && !syncing_ && !unsynced_.empty()) {
    start_sync(std::exchange(unsynced_, {}));
  }
}

void PartitionHost::commit() {
  std::vector<storage::PartitionBatch> batches;
  std::vector<Handed> handed;
  for (Machine* machine : std::exchange(dirty_, {})) {
    machine->dirty = false;
    auto persist = machine->partition.take_persist();
    if (!persist) continue;
    batches.push_back({machine->partition.id(), persist->mutations, std::move(persist->state)});
    handed.push_back({machine->partition.id(), persist->id});
  }
  if (batches.empty()) return;
  const auto committed = engine_.commit(batches);
  if (committed) {
    metrics_.commits.add();
    sync_due_ = true;
    if (options_.durability != Durability::always) return report_persisted(handed);
    unsynced_.insert(unsynced_.end(), handed.begin(), handed.end());
    return;
  }
  if (committed.error().code != ErrorCode::busy) return on_engine_failed(committed.error());
  const Moment now = environment_.now();
  for (const Handed& each : handed) {
    Machine& machine = *machine_of(each.partition);
    machine.partition.on_refused(now, committed.error());
    run_effects(machine);
    refused_.push_back(&machine);
  }
}

void PartitionHost::report_persisted(const std::vector<Handed>& handed) {
  const Moment now = environment_.now();
  for (const Handed& each : handed) {
    Machine& machine = *machine_of(each.partition);
    machine.partition.on_persisted(now, each.id);
    run_effects(machine);
    mark_dirty(machine);
  }
}

// One sync at a time; it covers everything committed before it, for all that wait (`handed`).
void PartitionHost::start_sync(std::vector<Handed> handed) {
  auto result = std::make_shared<Result<void>>();
  auto waiting = std::make_shared<std::vector<Handed>>(std::move(handed));
  syncing_ = true;
  sync_due_ = false;
  const auto submitted = environment_.run_blocking([engine = &engine_, result] { *result = engine->sync(); },
                                                   [this, result, waiting] {
                                                     syncing_ = false;
                                                     metrics_.syncs.add();
                                                     if (!*result) return on_engine_failed(result->error());
                                                     report_persisted(*waiting);
                                                   });
  if (submitted) return;
  // The pool is full: the next turn tries again.
  syncing_ = false;
  sync_due_ = true;
  unsynced_.insert(unsynced_.begin(), waiting->begin(), waiting->end());
}

void PartitionHost::on_engine_failed(const Error& error) {
  metrics_.storage_errors.add();
  const Moment now = environment_.now();
  for (const auto& machine : machines_) {
    machine->partition.on_storage_failed(now, error);
    run_effects(*machine);
  }
}

void PartitionHost::on_second() {
  if (options_.durability == Durability::everysec && sync_due_ && !syncing_) start_sync({});
  const Moment now = environment_.now();
  for (const auto& machine : machines_) {
    if (!machine->partition.serving()) continue;
    engine_.set_expiry_horizon(machine->partition.id(), machine->partition.time(now));
  }
  sweep_some();
}

// Looks through one partition after the other, a bounded piece at a time.
void PartitionHost::sweep_some() {
  constexpr std::size_t kRecordsPerSweep = 2000;
  if (sweeping_ || machines_.empty()) return;
  sweep_next_ %= machines_.size();
  Machine& machine = *machines_[sweep_next_];
  if (!machine.partition.serving()) {
    ++sweep_next_;
    return;
  }
  using Next = Result<std::optional<std::string>>;
  auto next = std::make_shared<Next>();
  const auto submitted =
      environment_.run_blocking([engine = &engine_, id = machine.partition.id(), after = machine.sweep_after,
                                 next] { *next = engine->sweep(id, after, kRecordsPerSweep); },
                                [this, &machine, next] {
                                  sweeping_ = false;
                                  metrics_.sweeps.add();
                                  if (!*next) metrics_.storage_errors.add();
                                  const bool more = *next && **next;
                                  machine.sweep_after = more ? ***next : std::string();
                                  if (!more) ++sweep_next_;
                                });
  sweeping_ = submitted.has_value();
}

// --- Answers ---

void PartitionHost::respond(Ticket ticket, messages::ResponseBody body) {
  auto request = requests_.take(ticket);
  GYRE_ASSERT(request);
  open_request_bytes_ -= request->bytes;
  request->from->respond({request->id, map_ ? map_->epoch : Epoch(0), std::move(body)});
}

void PartitionHost::respond_error(Ticket ticket, Error error) {
  if (error.code != ErrorCode::not_found && error.code != ErrorCode::condition_failed) metrics_.refused.add();
  respond(ticket, std::move(error));
}

}  // namespace gyre::runtime
