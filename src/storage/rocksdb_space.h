// The disk space of a range of keys: how much it is, and getting it back. Internal to this folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <rocksdb/db.h>

#include "gyre/result.h"
#include "storage/layout.h"

namespace gyre::storage {

// On disk and in memory, about.
std::uint64_t bytes_of(rocksdb::DB& db, const layout::KeyRange& range);

// All of these block. `path`: for errors, which are storage_failed and corrupt. Foreground writes go on meanwhile.

// Rewrites everything in the range, without what is deleted.
Result<void> compact(rocksdb::DB& db, const std::string& path, const layout::KeyRange& range);
// Takes the files away that hold nothing else. All writes before it are durable then. REQUIRES: all in the range is
// deleted, and nobody writes there.
Result<void> delete_files(rocksdb::DB& db, const std::string& path, const layout::KeyRange& range);
// Rewrites what is left of ranges that are deleted: files that they share with neighbours. Ranges that share some are
// rewritten together, once; what takes little space stays until a compaction comes by. REQUIRES: in order.
Result<void> compact_remains(rocksdb::DB& db, const std::string& path, std::vector<layout::KeyRange> ranges);

}  // namespace gyre::storage
