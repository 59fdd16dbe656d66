#include "tools/gyre/lost_replay.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gyre::cli {

using messages::Mutation;

namespace {

// Of the mutations of a key the last one is what the write left.
std::vector<const Mutation*> last_of_each_key(const messages::LostWrite& write) {
  std::vector<const Mutation*> last;
  for (const Mutation& mutation : write.mutations) {
    std::erase_if(last, [&](const Mutation* earlier) { return earlier->key == mutation.key; });
    last.push_back(&mutation);
  }
  return last;
}

void add(const Mutation& mutation, const Condition& condition, UnixMillis now, Batch& batch) {
  const std::string key(mutation.key);
  if (mutation.kind == Mutation::Kind::del) {
    batch.del(key, condition);
    return;
  }
  PutOptions options;
  options.condition = condition;
  if (mutation.record.expires_at != kNoExpiry) {
    options.ttl = std::chrono::milliseconds(mutation.record.expires_at.value - now.value);
  }
  batch.put(key, std::string(mutation.record.value), options);
}

}  // namespace

std::string_view to_string(Replayed::Result result) {
  switch (result) {
    case Replayed::Result::replayed: return "replayed";
    case Replayed::Result::would_replay: return "would_replay";
    case Replayed::Result::already_there: return "already_there";
    case Replayed::Result::skipped: return "skipped";
  }
  return "skipped";
}

Result<Replayed> Replay::run(const LostRecord& record, UnixMillis now) {
  const auto skipped = [](std::string why) { return Replayed{Replayed::Result::skipped, std::move(why)}; };
  const messages::LostWrite* lost = record.write();
  if (lost == nullptr) return skipped("the contents are gone");
  if (lost->reapplied) return skipped("its client has sent it again");
  Batch batch;
  bool absent = false;
  for (const Mutation* mutation : last_of_each_key(*lost)) {
    GYRE_TRY_SET(Plan plan, this->plan(*lost, *mutation, now));
    if (!plan.why_not.empty()) return skipped(std::move(plan.why_not));
    if (plan.already_there) continue;
    absent = absent || plan.absent;
    add(*mutation, plan.condition, now, batch);
  }
  if (batch.operations().empty()) return Replayed{Replayed::Result::already_there};
  if (!options_.dry_run) return write(std::move(batch), absent);
  for (const auto& operation : batch.operations()) written_[operation.key] = std::nullopt;
  return Replayed{.result = Replayed::Result::would_replay, .absent = absent};
}

Result<Replayed> Replay::write(Batch batch, bool absent) {
  CallOptions call;
  call.deadline = options_.deadline;
  call.ack = Ack::all();
  const auto operations = batch.operations();
  auto written = client_.write(std::move(batch), call);
  if (!written && written.error().code == ErrorCode::condition_failed) {
    return Replayed{Replayed::Result::skipped, "the key was changed just now"};
  }
  if (!written) return fail(std::move(written).error());
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const bool put = operations[i].kind == Batch::Kind::put;
    written_[operations[i].key] = put ? std::optional((*written)[i].version) : std::nullopt;
  }
  return Replayed{.result = Replayed::Result::replayed, .absent = absent};
}

Result<Replay::Plan> Replay::plan(const messages::LostWrite& write, const Mutation& mutation, UnixMillis now) {
  const std::string key(mutation.key);
  const bool expires = mutation.kind == Mutation::Kind::put && mutation.record.expires_at != kNoExpiry;
  if (expires && mutation.record.expires_at <= now) return Plan{.why_not = "the value has expired"};
  if (options_.dry_run && written_.contains(key)) return Plan{};
  CallOptions options;
  options.deadline = options_.deadline;
  options.read = Read::primary();
  auto present = client_.get(key, options);
  if (present) return plan_present(write, mutation, *present);
  if (present.error().code == ErrorCode::not_found) return plan_absent(mutation);
  return fail(std::move(present).error());
}

Replay::Plan Replay::plan_absent(const Mutation& mutation) const {
  if (mutation.kind == Mutation::Kind::del) return {.already_there = true};
  if (written_.contains(std::string(mutation.key))) return {.condition = Condition::if_absent()};
  if (options_.skip_absent) return {.why_not = "the key is absent: it was never there otherwise, or was deleted since"};
  return {.absent = true, .condition = Condition::if_absent()};
}

Replay::Plan Replay::plan_present(const messages::LostWrite& write, const Mutation& mutation,
                                  const Value& present) const {
  const Version current = present.version;
  const auto ours = written_.find(std::string(mutation.key));
  const bool by_us = ours != written_.end() && ours->second == current;
  const bool older = current.term <= write.position.term.value() && current.sequence < write.position.sequence.value();
  if (by_us || older) return {.condition = Condition::if_version(current)};
  if (mutation.kind == Mutation::Kind::put && present.data == std::string_view(mutation.record.value)) {
    return {.already_there = true};
  }
  if (options_.overwrite) return {.condition = Condition::if_version(current)};
  return {.why_not = fmt::format("the key was changed since, by {}", to_string(current))};
}

}  // namespace gyre::cli
