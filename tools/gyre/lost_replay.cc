#include "tools/gyre/lost_replay.h"

#include <algorithm>
#include <utility>

namespace gyre::cli {

using messages::LostWrite;
using messages::Mutation;

namespace {

constexpr const char* kChanged = "the key was changed since";

// Of the mutations of a key the last one is what the write left.
std::vector<const Mutation*> last_of_each_key(const LostWrite& write) {
  std::vector<const Mutation*> last;
  for (const Mutation& mutation : write.mutations) {
    std::erase_if(last, [&](const Mutation* earlier) { return earlier->key == mutation.key; });
    last.push_back(&mutation);
  }
  return last;
}

}  // namespace

std::string_view to_string(Replayed::Result result) {
  switch (result) {
    case Replayed::Result::replayed: return "replayed";
    case Replayed::Result::would_replay: return "would_replay";
    case Replayed::Result::skipped: return "skipped";
  }
  return "skipped";
}

Result<Replayed> Replay::run(const LostRecord& record, UnixMillis now) {
  const auto skipped = [](std::string why) { return Replayed{Replayed::Result::skipped, std::move(why)}; };
  const LostWrite* write = record.write();
  if (write == nullptr) return skipped("the contents are gone");
  if (write->reapplied) return skipped("its client has sent it again");
  Batch batch;
  for (const Mutation* mutation : last_of_each_key(*write)) {
    GYRE_TRY_SET(std::string why, add(*write, *mutation, now, batch));
    if (!why.empty()) return skipped(std::move(why));
  }
  if (options_.dry_run) return Replayed{Replayed::Result::would_replay, ""};
  CallOptions call;
  call.deadline = options_.deadline;
  call.ack = Ack::all();
  const auto operations = batch.operations();
  auto written = client_.write(std::move(batch), call);
  if (!written && written.error().code == ErrorCode::condition_failed) return skipped(kChanged);
  if (!written) return fail(std::move(written).error());
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (operations[i].kind == Batch::Kind::put) written_[operations[i].key] = (*written)[i].version;
  }
  return Replayed{Replayed::Result::replayed, ""};
}

Result<std::string> Replay::add(const LostWrite& write, const Mutation& mutation, UnixMillis now, Batch& batch) {
  const std::string key(mutation.key);
  std::optional<Condition> condition = Condition::always();
  if (options_.if_unchanged) {
    GYRE_TRY_SET(condition, condition_for(write, key));
    if (!condition) return kChanged;
  }
  if (mutation.kind == Mutation::Kind::del) {
    if (condition->kind == Condition::Kind::absent) return "the key is not there any more";
    batch.del(key, *condition);
    return "";
  }
  PutOptions options;
  options.condition = *condition;
  if (mutation.record.expires_at != kNoExpiry) {
    if (mutation.record.expires_at <= now) return "the value has expired";
    options.ttl = std::chrono::milliseconds(mutation.record.expires_at.value - now.value);
  }
  batch.put(key, std::string(mutation.record.value), options);
  return "";
}

Result<std::optional<Condition>> Replay::condition_for(const LostWrite& write, const std::string& key) {
  CallOptions options;
  options.deadline = options_.deadline;
  options.read = Read::primary();
  auto value = client_.get(key, options);
  if (!value && value.error().code == ErrorCode::not_found) return std::optional(Condition::if_absent());
  if (!value) return fail(std::move(value).error());
  const Version current = value->version;
  const auto ours = written_.find(key);
  const bool unchanged =
      (ours != written_.end() && ours->second == current) ||
      (current.term <= write.position.term.value() && current.sequence < write.position.sequence.value());
  if (!unchanged) return std::optional<Condition>();
  return std::optional(Condition::if_version(current));
}

}  // namespace gyre::cli
