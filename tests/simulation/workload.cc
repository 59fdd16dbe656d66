#include "tests/simulation/workload.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gyre::simulation {

using namespace std::chrono_literals;
using messages::Condition;
using messages::Expiry;
using messages::GetRequest;
using messages::GetResponse;
using messages::ReadConsistency;
using messages::ReadLevel;
using messages::WriteKind;
using messages::WriteOperation;
using messages::WriteRequest;
using messages::WriteResponse;

namespace {

constexpr std::size_t kRegisters = 50;
constexpr std::size_t kSessionKeys = 30;
constexpr std::size_t kCounters = 6;
constexpr std::size_t kExpiringKeys = 12;
constexpr std::size_t kBatches = 8;
constexpr std::size_t kOperationsPerRegister = 48;

WriteOperation operation_on(const std::string& key, WriteKind kind = WriteKind::put) {
  WriteOperation operation;
  operation.kind = kind;
  operation.key = Bytes::copy_of(key);
  return operation;
}

const messages::Standing* standing_of(const messages::ResponseBody& body) {
  if (const auto* got = std::get_if<GetResponse>(&body)) return &got->standing;
  if (const auto* written = std::get_if<WriteResponse>(&body)) return &written->standing;
  if (const auto* page = std::get_if<messages::ScanResponse>(&body)) return &page->standing;
  return nullptr;
}

}  // namespace

Workload::Workload(Scheduler& scheduler, SimClient& client, const Truth& truth, Histories& histories, WorkloadMix mix,
                   OnNotice notice)
    : scheduler_(scheduler),
      client_(client),
      truth_(truth),
      histories_(histories),
      mix_(mix),
      notice_(std::move(notice)),
      memory_(histories.clients.size()) {
  histories_.clients.push_back({.client = client.name(), .written = {}, .learnt = {}, .told = {}});
  client_.on_lost([this](const routing::Lost& lost) { on_lost(lost); });
  client_.on_map([this](const ring::ClusterMap& map) { on_map(map); });
}

void Workload::work_until(WorldTime end) {
  end_ = end;
  next_call();
}

void Workload::next_call() {
  scheduler_.after(scheduler_.between(Duration(0), mix_.pause_max), [this] {
    if (scheduler_.now() >= end_) return;
    const std::pair<unsigned, void (Workload::*)()> kinds[] = {
        {mix_.registers, &Workload::use_register}, {mix_.sessions, &Workload::use_session},
        {mix_.counters, &Workload::use_counter},   {mix_.expiring, &Workload::use_expiring},
        {mix_.batches, &Workload::use_batch},      {mix_.scans, &Workload::scan}};
    unsigned all = 0;
    for (const auto& kind : kinds) all += kind.first;
    auto dice = scheduler_.rng().below(all);
    for (const auto& [weight, use] : kinds) {
      if (dice < weight) return (this->*use)();
      dice -= weight;
    }
  });
}

// --- Registers ---

void Workload::use_register() {
  const std::string key = pick("reg", kRegisters);
  if (histories_.registers[key].size() >= kOperationsPerRegister) return next_call();
  if (scheduler_.rng().chance(0.5)) {
    read_register(key);
  } else {
    write_register(key);
  }
}

void Workload::read_register(const std::string& key) {
  GetRequest get;
  get.key = Bytes::copy_of(key);
  get.read.level = ReadLevel::linearizable;
  Operation read{.kind = Operation::Kind::read, .called = scheduler_.now()};
  call(std::move(get), [this, key, read](const Result& result) mutable {
    if (!result) return;
    const auto& got = std::get<GetResponse>(*result);
    remembered_.erase(key);
    if (got.record) {
      read.value = std::stoull(got.record->value.str());
      remembered_[key] = {read.value, got.record->version};
    }
    read.answered = scheduler_.now();
    histories_.registers[key].push_back(read);
  });
}

void Workload::write_register(const std::string& key) {
  using Kind = Operation::Kind;
  Operation done{.kind = Kind::write, .value = ++histories_.next_value, .called = scheduler_.now()};
  WriteOperation op = operation_on(key);
  op.value = Bytes::copy_of(std::to_string(done.value));
  const auto dice = scheduler_.rng().below(10);
  if (dice == 0) {
    op = operation_on(key, WriteKind::del);
    done.kind = Kind::remove;
  } else if (dice <= 2) {
    op.condition.kind = Condition::Kind::absent;
    done.kind = Kind::insert;
  } else if (const auto known = remembered_.find(key); dice <= 5 && known != remembered_.end()) {
    op.condition = {Condition::Kind::version, known->second.version};
    done.kind = Kind::replace;
    done.expected = known->second.value;
  }
  write(std::move(op), messages::kAckAll, [this, key, done](const Result& result) mutable {
    if (result) {
      done.answered = scheduler_.now();
      const auto& outcome = std::get<WriteResponse>(*result).outcomes.front();
      if (done.kind == Kind::remove && !outcome.existed) {
        done = {Kind::read, 0, 0, done.called, done.answered, Kind::remove};
      }
    } else if (result.error().code == ErrorCode::condition_failed) {
      done.answered = scheduler_.now();
      done.tried = done.kind;
      done.kind = done.kind == Kind::insert ? Kind::found_present : Kind::found_other;
    } else if (result.error().outcome == Outcome::not_applied) {
      return;  // what was surely not applied must leave no trace: it is not in the history
    }
    histories_.registers[key].push_back(done);
  });
}

// --- Everything else: judged by what really happened ---

void Workload::use_session() {
  const std::string key = pick("ses", kSessionKeys);
  if (scheduler_.rng().chance(0.5)) {
    GetRequest get;
    get.key = Bytes::copy_of(key);
    get.read = any_read();
    return call(std::move(get));
  }
  WriteOperation op = operation_on(key, scheduler_.rng().chance(0.1) ? WriteKind::del : WriteKind::put);
  if (op.kind == WriteKind::put) op.value = Bytes::copy_of(std::to_string(++histories_.next_value));
  write(std::move(op), any_ack());
}

void Workload::use_counter() {
  WriteOperation op = operation_on(pick("cnt", kCounters), WriteKind::incr);
  op.delta = 1;
  write(std::move(op), any_ack());
}

void Workload::use_expiring() {
  const std::string key = pick("ttl", kExpiringKeys);
  if (scheduler_.rng().chance(0.6)) {
    GetRequest get;
    get.key = Bytes::copy_of(key);
    get.read = any_read();
    return call(std::move(get));
  }
  WriteOperation op = operation_on(key);
  op.value = Bytes::copy_of(std::to_string(++histories_.next_value));
  op.expiry.kind = Expiry::Kind::after;
  op.expiry.ms = scheduler_.rng().chance(0.5) ? scheduler_.rng().between(100, 3000) : 30'000;
  write(std::move(op), any_ack());
}

void Workload::use_batch() {
  const std::string tag = pick("bat", kBatches);
  WriteRequest write;
  write.ack = any_ack();
  for (const char* part : {"x", "y", "z"}) {
    write.operations.push_back(operation_on(fmt::format("{{{}}}{}", tag, part)));
    write.operations.back().value = Bytes::copy_of(std::to_string(++histories_.next_value));
  }
  call(std::move(write));
}

void Workload::scan() {
  const auto map = client_.map();
  if (!map) return next_call();
  messages::ScanRequest scan;
  scan.partition = PartitionId(static_cast<std::uint16_t>(scheduler_.rng().below(map->shape.partitions)));
  scan.items_max = static_cast<std::uint32_t>(1 + scheduler_.rng().below(100));
  scan.values_wanted = scheduler_.rng().chance(0.5);
  scan.read = any_read();
  call(std::move(scan));
}

// --- Calls ---

void Workload::write(WriteOperation operation, messages::AckCount ack, std::function<void(const Result&)> done) {
  WriteRequest write;
  write.operations.push_back(std::move(operation));
  write.ack = ack;
  call(std::move(write), std::move(done));
}

void Workload::call(Body body, std::function<void(const Result&)> done) {
  client_.call(body, deadline(), [this, body, done = std::move(done)](const Result& result) {
    if (result) {
      ++histories_.answered;
    } else if (result.error().code == ErrorCode::session_lost) {
      ++histories_.session_lost;
    } else if (result.error().outcome == Outcome::unknown) {
      ++histories_.unknown;
    } else {
      ++histories_.refused;
    }
    check_session(body, result);
    if (const auto* write = std::get_if<WriteRequest>(&body)) remember(*write, result);
    if (done) done(result);
    next_call();
  });
}

// Read your writes, and never read backwards, unless the session was told that what it had seen is lost.
void Workload::check_session(const Body& body, const Result& result) {
  const auto* get = std::get_if<GetRequest>(&body);
  const auto* write = std::get_if<WriteRequest>(&body);
  const auto* scan = std::get_if<messages::ScanRequest>(&body);
  const ReadConsistency* read = get != nullptr ? &get->read : scan != nullptr ? &scan->read : nullptr;
  if (read == nullptr && write == nullptr) return;
  if (read != nullptr && read->level != ReadLevel::session) return;
  const auto partition =
      scan ? scan->partition : partition_of(get ? get->key.view() : write->operations.front().key.view());
  if (!partition) return;
  if (!result) {
    if (result.error().code == ErrorCode::session_lost) seen_.erase(*partition);
    return;
  }
  const Position at = standing_of(*result)->position;
  Position& seen = seen_[*partition];
  if (read != nullptr && !truth_.contains(*partition, at, seen)) {
    notice_({Notice::Kind::safety, "sessions",
             fmt::format("{} read partition {} in its session at {}, but had seen {} before", client_.name(),
                         partition->value(), to_string(at), to_string(seen))});
  }
  if (read != nullptr || truth_.contains(*partition, at, seen)) seen = at;
}

// What will be asked of it later: acknowledged, it survives or its loss is told; refused, it is nowhere.
void Workload::remember(const WriteRequest& write, const Result& result) {
  if (result) {
    const auto& outcomes = std::get<WriteResponse>(*result).outcomes;
    const auto changed = std::ranges::find_if(outcomes, &messages::WriteOutcome::changed);
    if (changed == outcomes.end()) return;
    const PartitionId partition = *partition_of(write.operations.front().key);
    memory().written.push_back({partition, changed->version, scheduler_.now()});
  } else if (result.error().outcome == Outcome::not_applied) {
    RefusedWrite refused{client_.name(), client_.ids_sent(), {}};
    for (const WriteOperation& operation : write.operations) {
      if (operation.kind == WriteKind::put) refused.values.emplace_back(operation.key.str(), operation.value.str());
    }
    histories_.refused_writes.push_back(std::move(refused));
  }
}

void Workload::on_lost(const routing::Lost& lost) {
  Memory::Told told{lost.partition, {}, lost.more, scheduler_.now()};
  for (const auto& write : lost.writes) told.versions.push_back(write.version);
  memory().told.push_back(std::move(told));
  seen_.erase(lost.partition);
}

void Workload::on_map(const ring::ClusterMap& map) {
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    memory().learnt.push_back({PartitionId(static_cast<std::uint16_t>(i)), map.entries[i].term, scheduler_.now()});
  }
}

// --- What is drawn ---

std::string Workload::pick(const char* kind, std::size_t keys) {
  return fmt::format("{}-{}", kind, scheduler_.rng().below(keys));
}

messages::AckCount Workload::any_ack() {
  const auto dice = scheduler_.rng().below(4);
  if (dice == 0) return messages::kAckAll;
  return dice == 1 ? static_cast<messages::AckCount>(1 + scheduler_.rng().below(mix_.acks_max)) : messages::kAckOne;
}

ReadConsistency Workload::any_read() {
  ReadConsistency read;
  read.level = static_cast<ReadLevel>(scheduler_.rng().below(5));
  if (read.level == ReadLevel::bounded) read.bound = from_ms(scheduler_.rng().between(150, 3000));
  return read;
}

Duration Workload::deadline() {
  const auto dice = scheduler_.rng().below(10);
  return dice < 6 ? Duration(700ms) : dice < 9 ? Duration(2s) : Duration(8s);
}

std::optional<PartitionId> Workload::partition_of(std::string_view key) const {
  const auto map = client_.map();
  return map ? std::optional(map->partitioning().of(key)) : std::nullopt;
}

}  // namespace gyre::simulation
