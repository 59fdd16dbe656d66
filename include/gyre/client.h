// The smart client: routes each write to the primary of its key's partition and spreads reads over the members that are
// fresh enough, keeps connections open and pipelined, follows changes of the cluster map, and retries within the call's
// deadline. Retries never apply a write twice.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gyre/types.h"

namespace gyre {

// Runs once, on the client's own thread: keep it short, do not throw, and do not destroy the client in it. A blocking
// call of the same client in it fails with `invalid_argument` instead of waiting for itself.
template <class T>
using Callback = std::move_only_function<void(Result<T>)>;

// Runs on the client's own thread, before the answer that revealed the loss is handed over; as for Callback.
using LostCallback = std::function<void(const LostWrites&)>;

struct ClientOptions {
  // Where to ask for the cluster map first: "HOST:PORT" of any node or coordinator. A DNS name stands for all its
  // addresses. They are tried in random order.
  std::vector<std::string> seeds = {};
  std::chrono::milliseconds deadline{2000};  // of a call that names none of its own
  std::chrono::milliseconds connect_timeout{1000};  // of one connection attempt
  std::uint32_t connections_per_node = 1;
  std::uint32_t retries_max = 16;  // attempts after the first, per call
  double retry_budget = 0.2;  // retries allowed per call made, on average over the client
  std::uint32_t calls_in_flight_max = 65536;  // beyond this, calls are answered `busy` at once
  // Of one value, and of all keys and values of a batch; must not exceed what the cluster's nodes accept.
  std::size_t value_bytes_max = std::size_t{16} * 1024 * 1024;
  Ack ack = Ack::one();  // of writes that name none of their own
  Read read = Read::session();  // of reads that name none of their own
  // Told when acknowledged writes of this client did not survive a failover: each write once, and soon after the client
  // learns of the new primary. Only writes of about the last 10 s are remembered by key.
  LostCallback on_lost = {};
};

struct CallOptions {
  std::chrono::milliseconds deadline{0};  // zero: ClientOptions::deadline
  std::optional<Read> read = {};  // of calls that read; none: ClientOptions::read
  std::optional<Ack> ack = {};  // of calls that write; none: ClientOptions::ack
  std::optional<WriteId> id = {};  // of calls that write; none: the client's own
};

struct PutOptions {
  std::chrono::milliseconds ttl{0};  // zero: lives until deleted
  bool keep_ttl = false;  // keep the expiry the key has now; not together with `ttl`
  Condition condition = {};
  // The rest as in CallOptions; in a batch, that of the batch counts.
  std::chrono::milliseconds deadline{0};
  std::optional<Ack> ack = {};
  std::optional<WriteId> id = {};  // not with mput: each write has its own
};

struct DelOptions {
  Condition condition = {};
  // As in CallOptions.
  std::chrono::milliseconds deadline{0};
  std::optional<Ack> ack = {};
  std::optional<WriteId> id = {};
};

struct ScanOptions {
  std::string prefix = {};  // only keys that begin with it
  std::uint32_t page_items = 1000;  // keys per page, at most 10,000; large values end a page earlier
  bool keys_only = false;
  std::chrono::milliseconds deadline{0};  // of each page
  std::optional<Read> read = {};  // of each request; none: ClientOptions::read
};

struct ScanPage {
  std::vector<KeyValue> items;  // in key order within a partition; partitions follow in slot order
  std::string cursor;  // pass to the next call; empty: this was the last page
};

// Writes that are applied all or not at all. All keys must live in one partition (use a `{hash tag}`).
class Batch {
 public:
  enum class Kind : std::uint8_t { put, del, incr, expire, persist };
  struct Operation {
    Kind kind;
    std::string key;
    std::string value;  // put
    std::int64_t delta = 0;  // incr
    std::chrono::milliseconds ttl{0};  // put, expire
    bool keep_ttl = false;  // put
    Condition condition;
  };

  Batch& put(std::string key, std::string value, PutOptions options = {});
  Batch& del(std::string key, Condition condition = {});
  Batch& incr(std::string key, std::int64_t delta = 1);
  Batch& expire(std::string key, std::chrono::milliseconds ttl);
  Batch& persist(std::string key);

  const std::vector<Operation>& operations() const { return operations_; }

 private:
  std::vector<Operation> operations_;
};

// What one write of a batch did.
struct WriteOutcome {
  Version version;  // of the key after the write; of the deletion itself for del
  bool existed = false;  // the key was there before; a put without a condition does not look
  bool changed = false;  // something was written
  std::int64_t number = 0;  // incr: the value after
};

// Where a key lives and why.
struct KeyLocation {
  std::uint16_t slot = 0;
  std::uint32_t partition = 0;
  std::string primary;  // node id; empty: nobody serves the partition now
  std::vector<std::string> members;  // the replica set, primary first
  std::uint64_t epoch = 0;  // of the map that says so
};

// Ask for a future instead of passing a callback: `client->get("k", {}, gyre::use_future)`.
struct UseFuture {};
inline constexpr UseFuture use_future{};

// Safe to use from any number of threads. Destroying a client completes its open calls with `unavailable`
// (writes already sent: `outcome_unknown`), and waits for their callbacks; one that answers each failure with a new
// call would keep it waiting.
//
// A key is 1 byte to 16 KiB of any bytes; an empty one is refused with `invalid_argument`, a longer one with
// `too_large`.
//
// Sessions. A client is one session: it notes, for each partition, what its calls of every level have written and seen,
// and a read of level `session` never shows anything older. Where a failover took back some of that:
//   - ClientOptions::on_lost is told, if acknowledged writes of this client are among it;
//   - the next read of level `session` in that partition fails with `session_lost`, even if its key is not concerned.
//     From then on the session goes on from what survived there. Reads of level `session` that are under way at that
//     moment may fail in the same way.
// Reads of other levels and writes are not refused. Of threads that share a client, one gets the `session_lost`: give
// each its own client where each must know.
//
// ERRORS of every call, besides those named: unavailable, busy, timeout, outcome_unknown, too_large,
// invalid_argument; of writes, no_replicas; of reads, session_lost, corrupt. `error().outcome` tells "surely not
// applied" from "maybe applied".
class Client {
 public:
  // Returns once a cluster map was read from a seed. ERRORS: unavailable (names each seed and what it said),
  // invalid_argument.
  static Result<std::unique_ptr<Client>> connect(ClientOptions options);

  virtual ~Client() = default;

  // Asynchronous form. Each callback runs exactly once, also when the client is destroyed.
  // ERRORS of get, expire, persist, ttl: not_found. Of put, del and write with a condition: condition_failed.
  virtual void get(std::string_view key, CallOptions options, Callback<Value> done) = 0;
  virtual void put(std::string_view key, std::string_view value, PutOptions options, Callback<Version> done) = 0;
  // False: the key was not there.
  virtual void del(std::string_view key, DelOptions options, Callback<bool> done) = 0;
  // Adds `delta` to the decimal number stored at `key` (absent: 0) and gives the sum. ERRORS: invalid_argument
  // (not a number, or overflow; nothing is written).
  virtual void incr(std::string_view key, std::int64_t delta, CallOptions options, Callback<std::int64_t> done) = 0;
  virtual void expire(std::string_view key, std::chrono::milliseconds ttl, CallOptions options,
                      Callback<Version> done) = 0;
  // Removes the expiry. False: there was none.
  virtual void persist(std::string_view key, CallOptions options, Callback<bool> done) = 0;
  // None: the key does not expire.
  virtual void ttl(std::string_view key, CallOptions options,
                   Callback<std::optional<std::chrono::milliseconds>> done) = 0;
  // `cursor`: empty for the first page, then ScanPage::cursor. Sees every key that exists throughout the scan.
  virtual void scan(const ScanOptions& options, std::string_view cursor, Callback<ScanPage> done) = 0;
  virtual void write(Batch batch, CallOptions options, Callback<std::vector<WriteOutcome>> done) = 0;
  // Explains the routing of a key by the newest map known; asks nobody.
  virtual Result<KeyLocation> locate(std::string_view key) = 0;

  // What this client's session has seen so far, as a text without blanks; another client that resumes it reads nothing
  // older. Waits for the client's own thread.
  virtual std::string session_token() = 0;
  // Adds what `token` had seen to this session. ERRORS: invalid_argument (no token, or damaged), wrong_cluster.
  virtual Result<void> resume_session(std::string_view token) = 0;
  // Forgets everything seen: the session begins anew, and owes nobody a `session_lost`.
  virtual void reset_session() = 0;

  // Blocking form of the same.
  Result<Value> get(std::string_view key, CallOptions options = {});
  Result<Version> put(std::string_view key, std::string_view value, PutOptions options = {});
  Result<bool> del(std::string_view key, DelOptions options = {});
  // Stores `value` if the key's version still is `expected`.
  Result<Version> cas(std::string_view key, Version expected, std::string_view value, PutOptions options = {});
  Result<std::int64_t> incr(std::string_view key, std::int64_t delta = 1, CallOptions options = {});
  Result<Version> expire(std::string_view key, std::chrono::milliseconds ttl, CallOptions options = {});
  Result<bool> persist(std::string_view key, CallOptions options = {});
  Result<std::optional<std::chrono::milliseconds>> ttl(std::string_view key, CallOptions options = {});
  Result<ScanPage> scan(const ScanOptions& options, std::string_view cursor = {});
  Result<std::vector<WriteOutcome>> write(Batch batch, CallOptions options = {});

  // One result for each key, in the order given; keys travel together to the nodes that have them. Not atomic.
  std::vector<Result<Value>> mget(std::span<const std::string> keys, CallOptions options = {});
  std::vector<Result<Version>> mput(std::span<const std::pair<std::string, std::string>> items,
                                    PutOptions options = {});

  // Future form of the most used calls.
  std::future<Result<Value>> get(std::string_view key, CallOptions options, UseFuture);
  std::future<Result<Version>> put(std::string_view key, std::string_view value, PutOptions options, UseFuture);
  std::future<Result<bool>> del(std::string_view key, DelOptions options, UseFuture);
  std::future<Result<std::int64_t>> incr(std::string_view key, std::int64_t delta, CallOptions options, UseFuture);
  std::future<Result<std::vector<WriteOutcome>>> write(Batch batch, CallOptions options, UseFuture);

 private:
  // The calling thread is the one that runs this client's callbacks.
  virtual bool on_callback_thread() const = 0;
};

}  // namespace gyre
