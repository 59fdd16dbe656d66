// A client without a cluster: keeps its keys in a map, answers where it is asked, and fails when told to.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "gyre/client.h"

namespace gyre::cli {

// THREAD: any. Answers arrive on the caller's thread, before the call returns.
class MemoryClient final : public Client {
 public:
  using Client::del;
  using Client::expire;
  using Client::get;
  using Client::incr;
  using Client::persist;
  using Client::put;
  using Client::scan;
  using Client::ttl;
  using Client::write;

  std::map<std::string, Value, std::less<>> keys;
  // Asked before each put; an error is the put's answer.
  std::function<Result<void>(std::string_view key)> before_put;
  std::size_t page_items_max = 1000;
  // Of the versions it gives.
  std::uint64_t term = 1;
  std::uint64_t sequence = 0;

  void get(std::string_view key, CallOptions, Callback<Value> done) override { done(find(key)); }

  void put(std::string_view key, std::string_view value, PutOptions options, Callback<Version> done) override {
    if (before_put) {
      if (auto allowed = before_put(key); !allowed) return done(fail(allowed.error()));
    }
    done(store(key, value, options));
  }

  void del(std::string_view key, DelOptions, Callback<bool> done) override {
    const std::lock_guard lock(mutex_);
    done(keys.erase(std::string(key)) > 0);
  }

  void incr(std::string_view key, std::int64_t delta, CallOptions, Callback<std::int64_t> done) override {
    const auto old = find(key);
    const auto sum = (old ? std::stoll(old->data) : 0) + delta;
    (void)store(key, std::to_string(sum), {});
    done(sum);
  }

  void expire(std::string_view key, std::chrono::milliseconds ttl, CallOptions, Callback<Version> done) override {
    const std::lock_guard lock(mutex_);
    const auto at = keys.find(key);
    if (at == keys.end()) return done(missing());
    at->second.ttl = ttl;
    done(at->second.version);
  }

  void persist(std::string_view key, CallOptions, Callback<bool> done) override {
    const std::lock_guard lock(mutex_);
    const auto at = keys.find(key);
    if (at == keys.end()) return done(missing());
    done(std::exchange(at->second.ttl, std::nullopt).has_value());
  }

  void ttl(std::string_view key, CallOptions, Callback<std::optional<std::chrono::milliseconds>> done) override {
    const auto value = find(key);
    if (!value) return done(fail(value.error()));
    done(value->ttl);
  }

  // The cursor is the last key given.
  void scan(const ScanOptions& options, std::string_view cursor, Callback<ScanPage> done) override {
    const std::lock_guard lock(mutex_);
    ScanPage page;
    auto at = cursor.empty() ? keys.begin() : keys.upper_bound(cursor);
    for (; at != keys.end(); ++at) {
      if (!at->first.starts_with(options.prefix)) continue;
      if (page.items.size() == std::min<std::size_t>(options.page_items, page_items_max)) {
        page.cursor = page.items.back().key;
        break;
      }
      page.items.push_back({at->first, at->second});
    }
    done(std::move(page));
  }

  // Puts and deletes, one after the other; stops at the first whose condition does not hold.
  void write(Batch batch, CallOptions, Callback<std::vector<WriteOutcome>> done) override {
    std::vector<WriteOutcome> outcomes;
    for (const auto& operation : batch.operations()) {
      if (operation.kind == Batch::Kind::del) {
        const std::lock_guard lock(mutex_);
        if (!holds(operation.condition, operation.key)) return done(unmet());
        keys.erase(operation.key);
        outcomes.push_back({});
        continue;
      }
      if (operation.kind != Batch::Kind::put) return done(fail(ErrorCode::unsupported, "not here"));
      PutOptions options;
      options.condition = operation.condition;
      options.ttl = operation.ttl;
      const auto version = store(operation.key, operation.value, options);
      if (!version) return done(fail(version.error()));
      outcomes.push_back({.version = *version, .changed = true});
    }
    done(std::move(outcomes));
  }

  Result<KeyLocation> locate(std::string_view) override {
    return KeyLocation{.slot = 12182, .partition = 190, .primary = "n2", .members = {"n2", "n3"}, .epoch = 7};
  }

  std::string session_token() override { return "seen"; }
  Result<void> resume_session(std::string_view) override { return {}; }
  void reset_session() override {}

 private:
  bool on_callback_thread() const override { return false; }

  static std::unexpected<Error> missing() { return fail(ErrorCode::not_found, "there is no such key"); }

  Result<Value> find(std::string_view key) {
    const std::lock_guard lock(mutex_);
    const auto at = keys.find(key);
    if (at == keys.end()) return missing();
    return at->second;
  }

  static std::unexpected<Error> unmet() { return fail(ErrorCode::condition_failed, "the condition does not hold"); }

  bool holds(const Condition& condition, std::string_view key) const {
    const auto old = keys.find(key);
    switch (condition.kind) {
      case Condition::Kind::none: return true;
      case Condition::Kind::absent: return old == keys.end();
      case Condition::Kind::present: return old != keys.end();
      case Condition::Kind::version: return old != keys.end() && old->second.version == condition.version;
    }
    return false;
  }

  Result<Version> store(std::string_view key, std::string_view value, const PutOptions& options) {
    const std::lock_guard lock(mutex_);
    if (!holds(options.condition, key)) return unmet();
    Value stored{std::string(value), Version{term, ++sequence}, std::nullopt};
    if (options.ttl.count() > 0) stored.ttl = options.ttl;
    keys.insert_or_assign(std::string(key), stored);
    return stored.version;
  }

  std::mutex mutex_;
};

}  // namespace gyre::cli
