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

  void write(Batch, CallOptions, Callback<std::vector<WriteOutcome>> done) override {
    done(fail(ErrorCode::unsupported, "no batches here"));
  }

  Result<KeyLocation> locate(std::string_view) override {
    return KeyLocation{.slot = 12182, .partition = 190, .primary = "n2", .members = {"n2", "n3"}, .epoch = 7};
  }

 private:
  bool on_callback_thread() const override { return false; }

  static std::unexpected<Error> missing() { return fail(ErrorCode::not_found, "there is no such key"); }

  Result<Value> find(std::string_view key) {
    const std::lock_guard lock(mutex_);
    const auto at = keys.find(key);
    if (at == keys.end()) return missing();
    return at->second;
  }

  Result<Version> store(std::string_view key, std::string_view value, const PutOptions& options) {
    const std::lock_guard lock(mutex_);
    const auto old = keys.find(key);
    const bool exists = old != keys.end();
    const auto& condition = options.condition;
    using Kind = Condition::Kind;
    if ((condition.kind == Kind::absent && exists) || (condition.kind == Kind::present && !exists) ||
        (condition.kind == Kind::version && (!exists || old->second.version != condition.version))) {
      return fail(ErrorCode::condition_failed, "the condition does not hold");
    }
    Value stored{std::string(value), Version{1, ++sequence_}, std::nullopt};
    if (options.ttl.count() > 0) stored.ttl = options.ttl;
    keys.insert_or_assign(std::string(key), stored);
    return stored.version;
  }

  std::mutex mutex_;
  std::uint64_t sequence_ = 0;
};

}  // namespace gyre::cli
