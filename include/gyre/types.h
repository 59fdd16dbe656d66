// Plain values of the public API.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gyre/result.h"

namespace gyre {

// The version of a value: the position (term, sequence) of the write that made it. Versions of one key only grow.
struct Version {
  std::uint64_t term = 0;
  std::uint64_t sequence = 0;

  auto operator<=>(const Version&) const = default;
};

// "3:1042"; {0, 0} is "0:0" and is no value's version.
std::string to_string(const Version& version);
// Reads what to_string wrote. ERRORS: invalid_argument.
Result<Version> parse_version(std::string_view text);

struct Value {
  std::string data;
  Version version;
  std::optional<std::chrono::milliseconds> ttl;  // time left to live; none: lives until deleted
};

// Where a write stands against what is stored. A write whose condition does not hold fails with
// `condition_failed` and changes nothing.
struct Condition {
  enum class Kind : std::uint8_t { none, absent, present, version };
  Kind kind = Kind::none;
  Version version;  // only with Kind::version

  static Condition always() { return {}; }
  static Condition if_absent() { return {Kind::absent, {}}; }
  static Condition if_present() { return {Kind::present, {}}; }
  static Condition if_version(Version v) { return {Kind::version, v}; }
};

struct KeyValue {
  std::string key;
  Value value;
};

// Who must have applied a write before it is acknowledged, and so what a failover may take back.
struct Ack {
  static constexpr std::uint32_t kAll = ~std::uint32_t{0};
  std::uint32_t count = 1;  // in-sync members, the primary included; 1 to 7, or kAll

  // The primary alone: the fastest. A failover may lose what the promoted member had not received yet; that is counted,
  // kept in the loss ledger, and told to the writer (ClientOptions::on_lost).
  static constexpr Ack one() { return {1}; }
  // Lost only if n members fail at once. ERRORS of such a write: no_replicas (fewer are in sync).
  static constexpr Ack members(std::uint32_t n) { return {n}; }
  // Every in-sync member. Lost only if all of them lose their data. ERRORS of such a write: no_replicas (fewer are in
  // sync than the cluster's `min-in-sync`).
  static constexpr Ack all() { return {kAll}; }

  auto operator<=>(const Ack&) const = default;
};

// How fresh a read has to be, and so who may answer it.
struct Read {
  enum class Level : std::uint8_t { primary, linearizable, session, bounded, any };
  Level level = Level::session;
  std::chrono::milliseconds bound{0};  // only with Level::bounded

  // The newest value that every in-sync member holds; linearizable together with writes of Ack::all().
  static constexpr Read linearizable() { return {Level::linearizable, {}}; }
  // The newest value that the primary has applied. A failover may take it back.
  static constexpr Read primary() { return {Level::primary, {}}; }
  // From any in-sync member that has what this client's session has written and seen: never older than that.
  // ERRORS of such a read: session_lost (see Client).
  static constexpr Read session() { return {Level::session, {}}; }
  // From any in-sync member that is no staler than `bound`.
  static constexpr Read bounded(std::chrono::milliseconds bound) { return {Level::bounded, bound}; }
  // From any in-sync member, however stale.
  static constexpr Read any() { return {Level::any, {}}; }

  auto operator<=>(const Read&) const = default;
};

// Names one write, so that sending it again never applies it twice: the idempotency key of web interfaces. A client
// gives each write an id by itself; set one to repeat a write from another client or process, e.g. the two halves of a
// 128-bit hash of your own key.
struct WriteId {
  std::uint64_t client = 0;  // not 0
  std::uint64_t number = 0;
  // Since a write was first sent under this id. An id is remembered for 60 s: later, `outcome_unknown`.
  std::chrono::milliseconds age{0};
};

// An acknowledged write that a failover took back.
struct LostWrite {
  std::string key;
  Version version;  // as acknowledged; a batch has one for all its keys
};

// What one failover took back of this client's acknowledged writes to one partition.
struct LostWrites {
  std::uint32_t partition = 0;
  std::uint64_t count = 0;  // writes; a batch is one
  std::vector<LostWrite> writes;  // by version, one for each key
  bool more = false;  // older ones, which this client no longer remembers, may be lost too: see `gyre lost list`
};

}  // namespace gyre
