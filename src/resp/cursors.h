// Where looking through the keys goes on, as numbers that Redis clients give back.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/bytes.h"
#include "base/ids.h"

namespace gyre::resp {

// Behind this key of a partition; empty: at its first.
struct ScanPlace {
  PartitionId partition;
  Bytes after;

  bool operator==(const ScanPlace&) const = default;
};

// Keys have an order by name, and a cursor is a number: those that stand between keys are remembered, the oldest
// forgotten when there are many. A client that comes with one that is not known any more has to begin again.
//
// THREAD: any.
class Cursors {
 public:
  static constexpr std::size_t kKept = 4096;

  // Numbers begin at `first`, so that those of an earlier process are not taken for others.
  explicit Cursors(std::uint64_t first) : next_(first % kPlain) {}

  // Never 0.
  std::uint64_t keep(const ScanPlace& place);
  // None: it was never given, or is forgotten. It stays known.
  std::optional<ScanPlace> find(std::uint64_t cursor) const;

 private:
  // What begins at a partition's first key needs no memory: this, and its number.
  static constexpr std::uint64_t kPlain = std::uint64_t{1} << 48;

  struct Kept {
    std::uint64_t cursor;
    ScanPlace place;
  };
  mutable std::mutex mutex_;
  std::uint64_t next_;
  std::list<Kept> kept_;  // the oldest first
  std::unordered_map<std::uint64_t, std::list<Kept>::iterator> places_;
};

}  // namespace gyre::resp
