#include "runtime/reads.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/limits.h"
#include "replication/evaluate.h"
#include "runtime/digest.h"

namespace gyre::runtime {

using messages::GetRequest;
using messages::Record;
using messages::ScanRequest;
using replication::Moment;
using storage::Lookup;

namespace {

Error timed_out() {
  return {ErrorCode::timeout, Outcome::not_applied, "the deadline passed before the request's turn came", {}};
}

const messages::ReadConsistency& consistency_of(const messages::RequestBody& body) {
  const auto* get = std::get_if<GetRequest>(&body);
  return get ? get->read : std::get<ScanRequest>(body).read;
}

// What the machine is asked about a get or scan.
replication::ReadRequest question_of(const OpenRequest& request) {
  replication::ReadRequest question{
      .key = {}, .read = consistency_of(request.body), .era = request.era, .deadline = request.deadline};
  if (const auto* get = std::get_if<GetRequest>(&request.body)) question.key = get->key;
  return question;
}

// What is stored at a key, as a write that depends on it needs it.
Result<std::optional<Record>> current_of(Result<Lookup> found, UnixMillis time) {
  if (!found) return fail(std::move(found).error());
  const bool there = found->state == Lookup::State::found && !replication::expired(found->record, time);
  if (!there) return std::optional<Record>();
  return std::optional<Record>(std::move(found->record));
}

// As found, expired or not. Damage concerns its own key alone: where a common read meets any, each key is read by
// itself.
std::vector<Result<Lookup>> read_all(const storage::Engine& engine, PartitionId partition,
                                     const std::vector<std::string_view>& keys) {
  std::vector<Result<Lookup>> found;
  found.reserve(keys.size());
  auto together = engine.multi_get(partition, keys, kBeforeAll);
  if (together) {
    for (Lookup& lookup : *together) found.emplace_back(std::move(lookup));
    return found;
  }
  for (const std::string_view key : keys) {
    if (together.error().code == ErrorCode::corrupt) {
      found.push_back(engine.get(partition, key, kBeforeAll, storage::Tier::all));
    } else {
      found.emplace_back(fail(together.error()));
    }
  }
  return found;
}

}  // namespace

void Reads::start(const Moment& now, Machine& machine, Ticket ticket) {
  OpenRequest& request = requests_.get(ticket);
  if (std::holds_alternative<messages::DigestRequest>(request.body)) return start_digest(machine, ticket);
  request.era = machine.partition.era();
  const auto plan = machine.partition.on_read(now, ticket, question_of(request));
  if (!plan) {
    context_.machines.touch(machine);  // what was asked for may only wait to be committed
    return requests_.refuse(ticket, plan.error());
  }
  if (*plan == replication::Partition::ReadPlan::engine) return read_engine(now, machine, ticket);
  context_.machines.touch(machine);
}

void Reads::read_engine(const Moment& now, Machine& machine, Ticket ticket) {
  if (std::holds_alternative<GetRequest>(requests_.get(ticket).body)) return start_get(machine, ticket);
  start_scan(now, machine, ticket);
}

// --- Gets ---

// What memory knows, expired or not.
Result<Lookup> Reads::look_up(PartitionId partition, std::string_view key) {
  if (auto cached = context_.records.find(partition, key)) {
    context_.metrics.reads_from_cache.add();
    return *std::move(cached);
  }
  auto found = context_.engine.get(partition, key, kBeforeAll, storage::Tier::memory);
  if (found) context_.records.put(partition, key, *found);
  return found;
}

void Reads::start_get(Machine& machine, Ticket ticket) {
  const Bytes& key = std::get<GetRequest>(requests_.get(ticket).body).key;
  context_.metrics.reads.add();
  const PartitionId partition = machine.partition.id();
  const auto found = look_up(partition, key);
  if (!found) {
    requests_.refuse(ticket, found.error());
    context_.on_read_error(&machine, found.error());
  } else if (found->state == Lookup::State::needs_disk) {
    disk_reads_[partition].push_back({ticket, key, std::nullopt});
  } else {
    answer_get(machine, ticket, found->state == Lookup::State::found ? &found->record : nullptr, false);
  }
}

std::optional<messages::GetResponse> Reads::get_at_once(const Moment& begun, Machine& machine, std::string_view key,
                                                        const messages::ReadConsistency& read) {
  if (!machine.partition.may_read_at_once(begun, read, key)) return std::nullopt;
  auto found = look_up(machine.partition.id(), key);
  if (!found || found->state == Lookup::State::needs_disk) return std::nullopt;
  const Moment now = context_.environment.now();  // a fresh one: the value has been read
  if (!machine.partition.may_leave_at_once(now, read)) return std::nullopt;
  messages::GetResponse response;
  if (found->state == Lookup::State::found) show(machine, now, std::move(found->record), response);
  response.standing = machine.partition.standing(read.seen);
  context_.metrics.reads.add();
  context_.load.on_read(machine, key);
  if (context_.load.samples_next()) {
    context_.load.on_latency(now.steady - context_.load.arrival(context_.environment.found()));
  }
  return response;
}

void Reads::show(Machine& machine, const Moment& now, Record record, messages::GetResponse& response) {
  const UnixMillis time = machine.partition.time(now);
  if (replication::expired(record, time)) return;
  response.ttl_ms = replication::ttl_ms(record, time);
  response.record = std::move(record);
}

void Reads::answer_get(Machine& machine, Ticket ticket, const Record* record, bool off_loop) {
  const Moment now = context_.environment.now();  // a fresh one: the value has been read
  messages::GetResponse response;
  if (record != nullptr) show(machine, now, *record, response);
  if (response.record && !std::get<GetRequest>(requests_.get(ticket).body).value_wanted) response.record->value = {};
  ask_to_leave(now, machine, ticket, std::move(response), off_loop);
}

void Reads::ask_to_leave(const Moment& now, Machine& machine, Ticket ticket, messages::ResponseBody found,
                         bool off_loop) {
  const auto question = question_of(requests_.get(ticket));
  const auto leaves = machine.partition.may_leave(now, ticket, question, off_loop);
  if (!leaves) return requests_.refuse(ticket, leaves.error());
  if (*leaves) return leave(machine, ticket, std::move(found));
  requests_.hold(ticket, std::move(found));
  context_.machines.touch(machine);
}

void Reads::leave(Machine& machine, Ticket ticket, messages::ResponseBody found) {
  const messages::RequestBody& asked = requests_.get(ticket).body;
  auto standing = machine.partition.standing(consistency_of(asked).seen);
  if (auto* get = std::get_if<messages::GetResponse>(&found)) {
    get->standing = std::move(standing);
    context_.load.on_read(machine, std::get<GetRequest>(asked).key);
  } else {
    std::get<messages::ScanResponse>(found).standing = std::move(standing);
    context_.load.on_scan(machine);
  }
  requests_.respond(ticket, std::move(found));
}

// --- Scans ---

void Reads::start_scan(const Moment& now, Machine& machine, Ticket ticket) {
  context_.metrics.scans.add();
  const auto& scan = std::get<ScanRequest>(requests_.get(ticket).body);
  auto page = std::make_shared<Result<storage::ScanPage>>();
  const auto submitted = context_.environment.run_blocking(
      [engine = &context_.engine, id = machine.partition.id(), scan, time = machine.partition.time(now), page] {
        const storage::ScanRange range{.prefix = scan.prefix,
                                       .after = scan.after,
                                       .items_max = std::min<std::size_t>(scan.items_max, limits::kScanItemsMax),
                                       .bytes_max = limits::kScanBytesMax,
                                       .values_wanted = scan.values_wanted};
        *page = engine->scan(id, range, time);
      },
      [this, &machine, ticket, page] { finish_scan(machine, ticket, std::move(*page)); });
  if (!submitted) requests_.refuse(ticket, submitted.error());
}

void Reads::finish_scan(Machine& machine, Ticket ticket, Result<storage::ScanPage> page) {
  if (requests_.get(ticket).deadline <= context_.environment.now().steady) page = fail(timed_out());
  if (!page) {
    requests_.refuse(ticket, page.error());
    return context_.on_read_error(&machine, page.error());
  }
  const Moment now = context_.environment.now();
  const UnixMillis time = machine.partition.time(now);
  messages::ScanResponse response;
  response.more = page->more;
  response.items.reserve(page->items.size());
  for (auto& [key, record] : page->items) {
    const std::int64_t ttl = replication::ttl_ms(record, time);
    response.items.push_back({std::move(key), std::move(record), ttl});
  }
  ask_to_leave(now, machine, ticket, std::move(response), true);
}

// --- Digests ---

void Reads::start_digest(Machine& machine, Ticket ticket) {
  auto snapshot = context_.engine.snapshot(machine.partition.id());
  if (!snapshot) {
    requests_.refuse(ticket, snapshot.error());
    return context_.on_read_error(&machine, snapshot.error());
  }
  const UnixMillis time = std::get<messages::DigestRequest>(requests_.get(ticket).body).time;
  auto answer = std::make_shared<Result<messages::DigestResponse>>();
  const auto submitted =
      context_.environment.run_blocking([shared = std::shared_ptr<storage::Snapshot>(*std::move(snapshot)), time,
                                         answer] { *answer = digest(*shared, time); },
                                        [this, &machine, ticket, answer] {
                                          if (*answer) return requests_.respond(ticket, std::move(**answer));
                                          requests_.refuse(ticket, answer->error());
                                          context_.on_read_error(&machine, answer->error());
                                        });
  if (!submitted) requests_.refuse(ticket, submitted.error());
}

// --- The disk ---

void Reads::end_turn() {
  for (auto& [partition, reads] : std::exchange(disk_reads_, {})) {
    context_.metrics.reads_from_disk.add(reads.size());
    const std::uint64_t commits = context_.records.commits(partition);
    Machine& machine = *context_.machines.find(partition);
    auto shared = std::make_shared<std::pair<std::vector<DiskRead>, Found>>(std::move(reads), Found());
    const auto submitted = context_.environment.run_blocking(
        [engine = &context_.engine, id = partition, shared] {
          std::vector<std::string_view> keys;
          for (const DiskRead& read : shared->first) keys.push_back(read.key);
          shared->second = read_all(*engine, id, keys);
        },
        [this, &machine, shared, commits] {
          auto& [asked, found] = *shared;
          const bool current = context_.records.commits(machine.partition.id()) == commits;
          for (std::size_t i = 0; i < asked.size(); ++i) {
            if (current && found[i]) context_.records.put(machine.partition.id(), asked[i].key, *found[i]);
            finish_disk_read(machine, asked[i], std::move(found[i]));
          }
        });
    if (submitted) continue;
    for (const DiskRead& read : shared->first) finish_disk_read(machine, read, fail(submitted.error()));
  }
}

void Reads::finish_disk_read(Machine& machine, const DiskRead& read, Result<Lookup> found) {
  const Moment now = context_.environment.now();
  const OpenRequest* request = requests_.find(read.ticket);
  if (request == nullptr) return;  // answered already: its write was refused
  if (request->deadline <= now.steady) found = fail(timed_out());
  const std::optional<Error> error = found ? std::nullopt : std::optional(found.error());
  if (read.operation) {
    const UnixMillis time = machine.partition.time(now);
    machine.partition.on_current(now, read.ticket, *read.operation, current_of(std::move(found), time));
    context_.machines.touch(machine);
  } else if (error) {
    requests_.refuse(read.ticket, *error);
  } else {
    answer_get(machine, read.ticket, found->state == Lookup::State::found ? &found->record : nullptr, true);
  }
  if (error) context_.on_read_error(&machine, *error);
}

// --- Effects ---

void Reads::on_read_current(Machine& machine, replication::ReadCurrent effect) {
  const Moment now = context_.environment.now();
  auto found = look_up(machine.partition.id(), effect.key);
  if (found && found->state == Lookup::State::needs_disk) {
    disk_reads_[machine.partition.id()].push_back({effect.ticket, std::move(effect.key), effect.operation});
    return;
  }
  const std::optional<Error> error = found ? std::nullopt : std::optional(found.error());
  const UnixMillis time = machine.partition.time(now);
  machine.partition.on_current(now, effect.ticket, effect.operation, current_of(std::move(found), time));
  if (error) context_.on_read_error(&machine, *error);
}

void Reads::on_read_ready(Machine& machine, replication::ReadReady effect) {
  if (!effect.result) return requests_.refuse(effect.ticket, std::move(effect.result).error());
  if (std::holds_alternative<replication::ReadReady::FromEngine>(*effect.result)) {
    return read_engine(context_.environment.now(), machine, effect.ticket);
  }
  if (std::holds_alternative<replication::ReadReady::Release>(*effect.result)) {
    messages::ResponseBody found = std::move(requests_.get(effect.ticket).found);
    return leave(machine, effect.ticket, std::move(found));
  }
  context_.metrics.reads.add();
  const auto& record = std::get<std::optional<Record>>(*effect.result);
  answer_get(machine, effect.ticket, record ? &*record : nullptr, false);
}

}  // namespace gyre::runtime
