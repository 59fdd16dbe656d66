// Going through a range of keys of a RocksDB store, and a partition as it was at one position. Internal to this folder.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <rocksdb/db.h>

#include "storage/engine.h"
#include "storage/layout.h"

namespace gyre::storage {

// A key range that a RocksDB iterator can be bounded by: it keeps the memory that the options point into.
struct Bounds {
  explicit Bounds(layout::KeyRange of) : range(std::move(of)), end(range.end) {}
  Bounds(const Bounds&) = delete;
  Bounds& operator=(const Bounds&) = delete;

  layout::KeyRange range;
  rocksdb::Slice end;
};

// Must not outlive `bounds`.
std::unique_ptr<rocksdb::Iterator> iterate(rocksdb::DB& db, const Bounds& bounds, bool fill_cache);

// Copies the value, where it is wanted.
messages::Record record_of(const layout::StoredValue& value, bool value_wanted = true);

// As the partition is now, at the position of `state`. `path`: for errors; must outlive it, as must the database.
std::unique_ptr<Snapshot> take_snapshot(rocksdb::DB& db, const std::string& path, PartitionId partition,
                                        PartitionState state);

}  // namespace gyre::storage
