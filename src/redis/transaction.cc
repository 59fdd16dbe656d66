#include "redis/transaction.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "redis/operations.h"
#include "replication/evaluate.h"

namespace gyre::redis {

namespace {

Position version_of(const Found& found) { return found.record ? found.record->version : Position{}; }

// --- What is to be read ---

// What it does not replace is written again.
bool keeps_value(WriteKind kind) { return kind != WriteKind::put && kind != WriteKind::del; }

// Of all plans, each key once; with its value where one of them wants it.
class Keys {
 public:
  void add(const Bytes& key, bool value_wanted) {
    const auto [found, is_new] = places_.try_emplace(key.view(), reads_.size());
    if (is_new) reads_.push_back({key, value_wanted});
    Read& read = reads_[found->second];
    read.value_wanted = read.value_wanted || value_wanted;
  }
  void add(const Queued& queued) {
    for (const Bytes& key : queued.keys) add(key, false);
    const Plan& plan = queued.plan;
    if (const auto* read = std::get_if<ReadPlan>(&plan)) {
      for (const Read& each : read->reads) add(each.key, each.value_wanted);
    }
    if (const auto* update = std::get_if<UpdatePlan>(&plan)) {
      // What it decides may keep the value.
      for (const Read& each : update->reads) add(each.key, true);
    }
    const auto* write = std::get_if<WritePlan>(&plan);
    if (write == nullptr) return;
    for (const WriteOperation& operation : write->operations) add(operation.key, keeps_value(operation.kind));
  }
  std::size_t place(const Bytes& key) const { return places_.at(key.view()); }
  std::vector<Read> take() { return std::move(reads_); }

 private:
  std::vector<Read> reads_;
  std::map<std::string_view, std::size_t> places_;  // in reads_, whose keys hold the memory
};

// --- What the commands make of it ---

// One key: as it was found, and as the commands so far leave it.
struct Entry {
  const Found* found;
  std::optional<messages::Record> record;
  // Of what is written in the end: relative times count from when the primary decides.
  Expiry expiry{Expiry::Kind::keep, 0};
  bool written = false;
};

// The keys of a transaction while its commands run.
class Scratch {
 public:
  Scratch(std::span<const Read> reads, std::span<const Found> found, UnixMillis now) : now_(now) {
    for (std::size_t i = 0; i < reads.size(); ++i) {
      entries_.emplace(reads[i].key.view(), Entry{.found = &found[i], .record = found[i].record});
      order_.push_back(reads[i].key);
      // The partition's clock, where it shows: what it takes for alive must not look expired here.
      if (found[i].record && found[i].ttl_ms >= 0) now_ = {found[i].record->expires_at.value - found[i].ttl_ms};
    }
  }

  // What its commands looked at, made and replied is more than one connection may hold.
  bool too_much() const { return bytes_ > limits::kConnectionAnswerBytesMax; }

  Reply run(const Plan& plan) {
    Reply reply = decide(plan);
    bytes_ += bytes_of(reply);
    return reply;
  }

  // What was written, on the condition that all of it still is as it was found. One key that is only read needs none.
  std::vector<WriteOperation> operations() const {
    std::vector<WriteOperation> operations;
    const auto is_written = [](const auto& entry) { return entry.second.written; };
    if (entries_.size() < 2 && std::ranges::none_of(entries_, is_written)) return operations;
    for (const Bytes& key : order_) operations.push_back(operation(key, entries_.at(key.view())));
    return operations;
  }

 private:
  Reply decide(const Plan& plan) {
    if (const auto* reply = std::get_if<Reply>(&plan)) return *reply;
    if (const auto* read = std::get_if<ReadPlan>(&plan)) return read->reply(look(read->reads));
    if (const auto* write = std::get_if<WritePlan>(&plan)) return write->reply(apply(write->operations));
    Decision decision = std::get<UpdatePlan>(plan).decide(look(std::get<UpdatePlan>(plan).reads));
    if (decision.operations.empty()) return std::move(decision.reply);
    const Written written = apply(decision.operations);
    return written ? std::move(decision.reply) : error_reply(written.error());
  }

  static WriteOperation operation(const Bytes& key, const Entry& entry) {
    if (entry.written && entry.record) return put({key, entry.record->value, entry.expiry, unchanged(*entry.found)});
    if (entry.written || !entry.found->record) return del(key, unchanged(*entry.found));
    return guard(key, *entry.found);
  }

  std::vector<Found> look(const std::vector<Read>& reads) {
    std::vector<Found> found;
    found.reserve(reads.size());
    for (const Read& read : reads) {
      const Entry& entry = entries_.at(read.key.view());
      bytes_ += sizeof(Found) + (entry.record ? entry.record->value.size() : 0);
      if (!entry.written) {
        found.push_back(*entry.found);
      } else {
        found.push_back(
            {.record = entry.record, .ttl_ms = entry.record ? replication::ttl_ms(*entry.record, now_) : -1});
      }
    }
    return found;
  }

  // All or none.
  Written apply(const std::vector<WriteOperation>& operations) {
    std::vector<messages::WriteOutcome> outcomes;
    std::map<std::string_view, Entry> changed;
    for (const WriteOperation& operation : operations) {
      Entry& entry = changed.try_emplace(operation.key.view(), entries_.at(operation.key.view())).first->second;
      // No version that a primary gives.
      const Position next{Term(UINT64_MAX), Sequence(++versions_)};
      GYRE_TRY_SET(auto made, replication::evaluate(operation, entry.record ? &*entry.record : nullptr, now_, next));
      outcomes.push_back(made.outcome);
      bytes_ += sizeof(Entry) + (made.mutation ? made.mutation->record.value.size() : 0);
      if (made.mutation) change(entry, operation, *std::move(made.mutation));
    }
    for (auto& [key, entry] : changed) entries_.find(key)->second = std::move(entry);
    return outcomes;
  }

  static void change(Entry& entry, const WriteOperation& operation, messages::Mutation mutation) {
    entry.written = true;
    entry.record.reset();
    if (mutation.kind == messages::Mutation::Kind::put) entry.record = std::move(mutation.record);
    const bool sets = operation.kind == WriteKind::put || operation.kind == WriteKind::expire;
    if (!entry.record || entry.record->expires_at == kNoExpiry) {
      entry.expiry = {};
    } else if (sets && operation.expiry.kind != Expiry::Kind::keep) {
      entry.expiry = operation.expiry;
    }
  }

  UnixMillis now_;
  std::map<std::string_view, Entry> entries_;
  std::vector<Bytes> order_;
  std::uint64_t versions_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

// One that WATCH failed to find out about is asked for again.
Plan plan_watch(std::vector<Bytes> keys, std::shared_ptr<Watch> watch) {
  UpdatePlan plan;
  std::vector<std::size_t> places;
  for (Bytes& key : keys) {
    auto known = std::ranges::find(*watch, key.view(), [](const Watched& each) { return each.key.view(); });
    // As it was found first.
    if (known != watch->end() && known->version) continue;
    if (known == watch->end()) known = watch->insert(watch->end(), {key, std::nullopt});
    places.push_back(static_cast<std::size_t>(known - watch->begin()));
    plan.reads.push_back({.key = std::move(key), .value_wanted = false});
  }
  if (plan.reads.empty()) return Reply::ok();
  plan.decide = [watch, places = std::move(places)](std::span<const Found> found) -> Decision {
    for (std::size_t i = 0; i < found.size(); ++i) (*watch)[places[i]].version = version_of(found[i]);
    return {Reply::ok()};
  };
  return plan;
}

std::optional<Reply> unfit_for_transaction(const Plan& plan) {
  if (!std::holds_alternative<ScanPlan>(plan)) return std::nullopt;
  return Reply::error("ERR a transaction is of one slot: what looks through all keys cannot be part of it");
}

bool writes(const Plan& plan) {
  return std::holds_alternative<WritePlan>(plan) || std::holds_alternative<UpdatePlan>(plan);
}

Plan plan_exec(std::vector<Queued> queued, std::shared_ptr<const Watch> watch, const Context& context) {
  Keys keys;
  for (const Queued& command : queued) keys.add(command);
  std::vector<std::size_t> watched;  // places of the keys of `watch`
  for (const Watched& each : *watch) {
    keys.add(each.key, false);
    watched.push_back(keys.place(each.key));
  }
  UpdatePlan exec{.reads = keys.take(), .decide = {}};
  exec.decide = [queued = std::move(queued), watch = std::move(watch), watched = std::move(watched), reads = exec.reads,
                 now = context.now](std::span<const Found> found) -> Decision {
    for (std::size_t i = 0; i < watched.size(); ++i) {
      if ((*watch)[i].version != version_of(found[watched[i]])) return {Reply::null_array()};
    }
    Scratch scratch(reads, found, now);
    std::vector<Reply> replies;
    for (const Queued& command : queued) {
      replies.push_back(scratch.run(command.plan));
      if (scratch.too_much()) return {Reply::error("ERR this transaction reads or makes too much: nothing is written")};
    }
    return {Reply::array(std::move(replies)), scratch.operations()};
  };
  return exec;
}

}  // namespace gyre::redis
