#include "client/fake_backend.h"

#include <charconv>
#include <utility>

#include "client/api_client.h"
#include "gyre/fake_client.h"
#include "routing/target.h"

namespace gyre::client {

namespace {

constexpr Term kTerm{1};

ring::ClusterMapPtr one_node_map() {
  ring::ClusterMap map;
  map.cluster = Uuid::from_words(0, 1);
  map.epoch = Epoch(1);
  ring::NodeInfo node;
  node.id = NodeId("fake");
  node.generation = Generation(1);
  map.nodes.push_back(node);
  ring::PartitionEntry entry;
  entry.term = kTerm;
  entry.primary = node.id;
  entry.in_sync = {{node.id, node.generation}};
  map.entries.assign(map.shape.partitions, entry);
  return std::make_shared<const ring::ClusterMap>(std::move(map));
}

bool holds(const messages::Condition& condition, const messages::Record* record) {
  switch (condition.kind) {
    case messages::Condition::Kind::none: return true;
    case messages::Condition::Kind::absent: return record == nullptr;
    case messages::Condition::Kind::present: return record != nullptr;
    case messages::Condition::Kind::version: return record && record->version == condition.version;
  }
  std::unreachable();
}

// ERRORS: invalid_argument (not a decimal number, or the sum overflows).
Result<std::int64_t> add(const messages::Record* record, std::int64_t delta) {
  std::int64_t number = 0;
  if (record) {
    const std::string_view text = record->value.view();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
      return fail(ErrorCode::invalid_argument, "the value is not a decimal number of 64 bits");
    }
  }
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(number, delta, &sum)) return sum;
  return fail(ErrorCode::invalid_argument, "the sum does not fit a number of 64 bits");
}

class FakeClientImpl final : public ApiClient<FakeClient> {
 public:
  // REQUIRES: `fake` is `*backend`.
  FakeClientImpl(FakeBackend& fake, std::unique_ptr<Backend> backend)
      : ApiClient<FakeClient>(std::move(backend), Levels{}), fake_(fake) {}

  void advance(std::chrono::milliseconds time) override { fake_.advance(time); }
  void fail_next(std::uint32_t calls, Error error) override { fake_.fail_next(calls, std::move(error)); }

 private:
  FakeBackend& fake_;  // owned by the base
};

}  // namespace

FakeBackend::FakeBackend() : map_(one_node_map()), partitions_(map_->entries.size()) {
  session_.set_partitions(partitions_.size());
}

void FakeBackend::submit(Result<messages::RequestBody> body, std::chrono::milliseconds, Handler done) {
  auto result = [&]() -> Result<messages::ResponseBody> {
    GYRE_TRY(body);
    const std::lock_guard lock(mutex_);
    return serve(*body);
  }();
  done(std::move(result));
}

std::string FakeBackend::session_token() {
  const std::lock_guard lock(mutex_);
  return to_string(session_.token(map_->cluster));
}

Result<void> FakeBackend::resume_session(std::string_view token) {
  GYRE_TRY_SET(const routing::SessionToken parsed, routing::parse_session_token(token));
  const std::lock_guard lock(mutex_);
  return session_.resume(map_->cluster, parsed);
}

void FakeBackend::reset_session() {
  const std::lock_guard lock(mutex_);
  session_.reset();
}

void FakeBackend::advance(std::chrono::milliseconds time) {
  const std::lock_guard lock(mutex_);
  now_.value += time.count();
}

void FakeBackend::fail_next(std::uint32_t calls, Error error) {
  const std::lock_guard lock(mutex_);
  failures_left_ = calls;
  failure_ = std::move(error);
}

Result<messages::ResponseBody> FakeBackend::serve(const messages::RequestBody& body) {
  if (failures_left_ > 0) {
    --failures_left_;
    return fail(failure_);
  }
  GYRE_TRY_SET(const PartitionId partition, routing::partition_of(body, map_->partitioning()));
  GYRE_TRY_SET(messages::ResponseBody response, [&]() -> Result<messages::ResponseBody> {
    if (const auto* request = std::get_if<messages::GetRequest>(&body)) return get(*request);
    if (const auto* request = std::get_if<messages::ScanRequest>(&body)) return scan(*request);
    return write(partition, std::get<messages::WriteRequest>(body));
  }());
  session_.on_answer(partition, session_.seen(partition), *routing::standing_of(response));
  return response;
}

messages::Standing FakeBackend::standing(PartitionId partition) const {
  return {{kTerm, partitions_[partition.value()].last}, {}};
}

Result<messages::ResponseBody> FakeBackend::get(const messages::GetRequest& request) const {
  const PartitionId partition = map_->partitioning().of(request.key.view());
  const auto* record = find(partitions_[partition.value()], request.key);
  if (!record) return messages::GetResponse{.record = {}, .standing = standing(partition)};
  return messages::GetResponse{*record, ttl_of(*record), standing(partition)};
}

// As a partition's window does it, except that an id is known until its client closes it.
Result<messages::ResponseBody> FakeBackend::write(PartitionId partition, const messages::WriteRequest& request) {
  if (!request.id.given()) return apply_all(partition, request);
  std::erase_if(known_, [&](const auto& entry) {
    return entry.first.client == request.id.client && entry.first.number < request.lowest_open;
  });
  const auto known = known_.find(request.id);
  if (known == known_.end()) {
    GYRE_TRY_SET(auto response, apply_all(partition, request));
    known_.emplace(request.id, Known{request.operations, response});
    return response;
  }
  if (known->second.operations == request.operations) return known->second.response;
  return fail(ErrorCode::invalid_argument, "this write id was used for another write");
}

Result<messages::WriteResponse> FakeBackend::apply_all(PartitionId id, const messages::WriteRequest& request) {
  Partition changed = partitions_[id.value()];  // all or nothing
  messages::WriteResponse response;
  for (const auto& operation : request.operations) {
    GYRE_TRY_SET(response.outcomes.emplace_back(), apply(changed, operation));
  }
  partitions_[id.value()] = std::move(changed);
  response.standing = standing(id);
  return response;
}

Result<messages::WriteOutcome> FakeBackend::apply(Partition& partition,
                                                  const messages::WriteOperation& operation) const {
  using Kind = messages::WriteKind;
  const messages::Record* before = find(partition, operation.key);
  if (!holds(operation.condition, before)) {
    return fail(ErrorCode::condition_failed, "the condition does not hold; nothing was written");
  }
  messages::WriteOutcome outcome{before ? before->version : Position{}, before != nullptr, false, 0};
  const bool needs_key =
      operation.kind == Kind::del || operation.kind == Kind::expire || operation.kind == Kind::persist;
  if (needs_key && !before) return outcome;
  if (operation.kind == Kind::persist && before->expires_at == kNoExpiry) return outcome;

  messages::Record record = before ? *before : messages::Record{};
  if (operation.kind == Kind::put) record.value = operation.value;
  if (operation.kind == Kind::incr) {
    GYRE_TRY_SET(outcome.number, add(before, operation.delta));
    record.value = Bytes::copy_of(std::to_string(outcome.number));
  }
  record.expires_at = expiry_of(operation, before);
  partition.last = partition.last.next();
  record.version = outcome.version = {kTerm, partition.last};
  outcome.changed = true;
  if (operation.kind == Kind::del) {
    partition.records.erase(operation.key.str());
  } else {
    partition.records.insert_or_assign(operation.key.str(), std::move(record));
  }
  return outcome;
}

UnixMillis FakeBackend::expiry_of(const messages::WriteOperation& operation, const messages::Record* before) const {
  const UnixMillis present = before ? before->expires_at : kNoExpiry;
  if (operation.kind == messages::WriteKind::incr) return present;
  switch (operation.expiry.kind) {
    case messages::Expiry::Kind::clear: return kNoExpiry;
    case messages::Expiry::Kind::keep: return present;
    case messages::Expiry::Kind::after: return {now_.value + operation.expiry.ms};
    case messages::Expiry::Kind::at: return {operation.expiry.ms};
  }
  std::unreachable();
}

Result<messages::ResponseBody> FakeBackend::scan(const messages::ScanRequest& request) const {
  const auto& records = partitions_[request.partition.value()].records;
  messages::ScanResponse response;
  response.standing = standing(request.partition);
  const std::string_view prefix = request.prefix.view();
  auto it = request.after.view() < prefix ? records.lower_bound(prefix) : records.upper_bound(request.after.view());
  for (; it != records.end() && it->first.starts_with(prefix); ++it) {
    if (expired(it->second)) continue;
    if (response.items.size() == request.items_max) {
      response.more = true;
      break;
    }
    messages::Record record = it->second;
    if (!request.values_wanted) record.value = Bytes();
    response.items.push_back({Bytes::copy_of(it->first), std::move(record), ttl_of(it->second)});
  }
  return response;
}

const messages::Record* FakeBackend::find(const Partition& partition, std::string_view key) const {
  const auto found = partition.records.find(key);
  return found == partition.records.end() || expired(found->second) ? nullptr : &found->second;
}

bool FakeBackend::expired(const messages::Record& record) const {
  return record.expires_at != kNoExpiry && record.expires_at <= now_;
}

std::int64_t FakeBackend::ttl_of(const messages::Record& record) const {
  return record.expires_at == kNoExpiry ? -1 : record.expires_at.value - now_.value;
}

}  // namespace gyre::client

namespace gyre {

std::unique_ptr<FakeClient> make_fake_client() {
  auto backend = std::make_unique<client::FakeBackend>();
  client::FakeBackend& fake = *backend;
  return std::make_unique<client::FakeClientImpl>(fake, std::move(backend));
}

}  // namespace gyre
