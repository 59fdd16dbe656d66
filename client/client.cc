// The forms of Client's calls that wait or give a future, all made of the asynchronous ones.
#include "gyre/client.h"

#include <algorithm>
#include <utility>

#include "client/waiter.h"

namespace gyre {

namespace {

// Calls of mget and mput under way at once.
constexpr std::size_t kFanOutMax = 4096;

std::unexpected<Error> would_wait_for_itself() {
  return fail(ErrorCode::invalid_argument,
              "a blocking call inside a callback of the same client would wait for itself; use the asynchronous form");
}

// Starts an asynchronous call and waits for its end.
template <class T, class Start>
Result<T> wait_for(bool on_callback_thread, Start start) {
  if (on_callback_thread) return would_wait_for_itself();
  client::Waiter waiter(1);
  Result<T> result = fail(ErrorCode::internal, "");
  start(Callback<T>([&](Result<T> outcome) {
    result = std::move(outcome);
    waiter.count_down();
  }));
  waiter.wait();
  return result;
}

// Starts one asynchronous call for each item, a bounded number at a time, and waits for all.
template <class T, class Item, class Start>
std::vector<Result<T>> wait_for_each(bool on_callback_thread, std::span<const Item> items, Start start) {
  std::vector<Result<T>> results(items.size());
  if (on_callback_thread) {
    std::ranges::fill(results, would_wait_for_itself());
    return results;
  }
  for (std::size_t first = 0; first < items.size(); first += kFanOutMax) {
    const std::size_t end = std::min(first + kFanOutMax, items.size());
    client::Waiter waiter(end - first);
    for (std::size_t i = first; i < end; ++i) {
      start(items[i], Callback<T>([&waiter, &result = results[i]](Result<T> outcome) {
              result = std::move(outcome);
              waiter.count_down();
            }));
    }
    waiter.wait();
  }
  return results;
}

template <class T, class Start>
std::future<Result<T>> future_of(Start start) {
  std::promise<Result<T>> promise;
  auto future = promise.get_future();
  start(Callback<T>(
      [promise = std::move(promise)](Result<T> outcome) mutable { promise.set_value(std::move(outcome)); }));
  return future;
}

}  // namespace

Batch& Batch::put(std::string key, std::string value, PutOptions options) {
  operations_.push_back(
      {Kind::put, std::move(key), std::move(value), 0, options.ttl, options.keep_ttl, options.condition});
  return *this;
}

Batch& Batch::del(std::string key, Condition condition) {
  operations_.push_back({Kind::del, std::move(key), {}, 0, {}, false, condition});
  return *this;
}

Batch& Batch::incr(std::string key, std::int64_t delta) {
  operations_.push_back({Kind::incr, std::move(key), {}, delta, {}, false, {}});
  return *this;
}

Batch& Batch::expire(std::string key, std::chrono::milliseconds ttl) {
  operations_.push_back({Kind::expire, std::move(key), {}, 0, ttl, false, {}});
  return *this;
}

Batch& Batch::persist(std::string key) {
  operations_.push_back({Kind::persist, std::move(key), {}, 0, {}, false, {}});
  return *this;
}

Result<Value> Client::get(std::string_view key, CallOptions options) {
  return wait_for<Value>(on_callback_thread(), [&](auto done) { get(key, options, std::move(done)); });
}

Result<Version> Client::put(std::string_view key, std::string_view value, PutOptions options) {
  return wait_for<Version>(on_callback_thread(), [&](auto done) { put(key, value, options, std::move(done)); });
}

Result<bool> Client::del(std::string_view key, DelOptions options) {
  return wait_for<bool>(on_callback_thread(), [&](auto done) { del(key, options, std::move(done)); });
}

Result<Version> Client::cas(std::string_view key, Version expected, std::string_view value, PutOptions options) {
  options.condition = Condition::if_version(expected);
  return put(key, value, options);
}

Result<std::int64_t> Client::incr(std::string_view key, std::int64_t delta, CallOptions options) {
  return wait_for<std::int64_t>(on_callback_thread(), [&](auto done) { incr(key, delta, options, std::move(done)); });
}

Result<Version> Client::expire(std::string_view key, std::chrono::milliseconds ttl_wanted, CallOptions options) {
  return wait_for<Version>(on_callback_thread(), [&](auto done) { expire(key, ttl_wanted, options, std::move(done)); });
}

Result<bool> Client::persist(std::string_view key, CallOptions options) {
  return wait_for<bool>(on_callback_thread(), [&](auto done) { persist(key, options, std::move(done)); });
}

Result<std::optional<std::chrono::milliseconds>> Client::ttl(std::string_view key, CallOptions options) {
  return wait_for<std::optional<std::chrono::milliseconds>>(on_callback_thread(),
                                                            [&](auto done) { ttl(key, options, std::move(done)); });
}

Result<ScanPage> Client::scan(const ScanOptions& options, std::string_view cursor) {
  return wait_for<ScanPage>(on_callback_thread(), [&](auto done) { scan(options, cursor, std::move(done)); });
}

Result<std::vector<WriteOutcome>> Client::write(Batch batch, CallOptions options) {
  return wait_for<std::vector<WriteOutcome>>(on_callback_thread(),
                                             [&](auto done) { write(std::move(batch), options, std::move(done)); });
}

std::vector<Result<Value>> Client::mget(std::span<const std::string> keys, CallOptions options) {
  return wait_for_each<Value>(on_callback_thread(), keys, [&](const std::string& key, Callback<Value> done) {
    get(key, options, std::move(done));
  });
}

std::vector<Result<Version>> Client::mput(std::span<const std::pair<std::string, std::string>> items,
                                          PutOptions options) {
  if (options.id) {
    const auto refusal = fail(ErrorCode::invalid_argument, "one write id cannot name several writes");
    return std::vector<Result<Version>>(items.size(), refusal);
  }
  return wait_for_each<Version>(on_callback_thread(), items, [&](const auto& item, Callback<Version> done) {
    put(item.first, item.second, options, std::move(done));
  });
}

std::future<Result<Value>> Client::get(std::string_view key, CallOptions options, UseFuture) {
  return future_of<Value>([&](auto done) { get(key, options, std::move(done)); });
}

std::future<Result<Version>> Client::put(std::string_view key, std::string_view value, PutOptions options, UseFuture) {
  return future_of<Version>([&](auto done) { put(key, value, options, std::move(done)); });
}

std::future<Result<bool>> Client::del(std::string_view key, DelOptions options, UseFuture) {
  return future_of<bool>([&](auto done) { del(key, options, std::move(done)); });
}

std::future<Result<std::int64_t>> Client::incr(std::string_view key, std::int64_t delta, CallOptions options,
                                               UseFuture) {
  return future_of<std::int64_t>([&](auto done) { incr(key, delta, options, std::move(done)); });
}

std::future<Result<std::vector<WriteOutcome>>> Client::write(Batch batch, CallOptions options, UseFuture) {
  return future_of<std::vector<WriteOutcome>>([&](auto done) { write(std::move(batch), options, std::move(done)); });
}

}  // namespace gyre
