#include "storage/rocksdb_space.h"

#include <optional>
#include <utility>

#include <rocksdb/convenience.h>

#include "storage/rocksdb_options.h"

namespace gyre::storage {

std::uint64_t bytes_of(rocksdb::DB& db, const layout::KeyRange& range) {
  const rocksdb::Range whole(range.begin, range.end);
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = true;
  std::uint64_t bytes = 0;
  // Can fail only for options that exclude both memtables and files.
  db.GetApproximateSizes(options, db.DefaultColumnFamily(), &whole, 1, &bytes).PermitUncheckedError();
  return bytes;
}

Result<void> compact(rocksdb::DB& db, const std::string& path, const layout::KeyRange& range) {
  const rocksdb::Slice begin(range.begin);
  const rocksdb::Slice end(range.end);
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;  // what writes need goes on beside it
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  const rocksdb::Status status = db.CompactRange(options, &begin, &end);
  if (!status.ok()) return write_failure(path, status);
  return {};
}

Result<void> delete_files(rocksdb::DB& db, const std::string& path, const layout::KeyRange& range) {
  const rocksdb::Slice begin(range.begin);
  const rocksdb::Slice end(range.end);
  rocksdb::ColumnFamilyHandle* const all = db.DefaultColumnFamily();
  // One of the files may hold the range tombstone, which also hides records in files shared with neighbours. Files go
  // at once and for good: another tombstone must be there before, and durable, whenever the process or the machine
  // dies.
  rocksdb::WriteOptions durable;
  durable.sync = true;
  rocksdb::Status status = db.DeleteRange(durable, all, begin, end);
  if (status.ok()) status = rocksdb::DeleteFilesInRange(&db, all, &begin, &end, /*include_end=*/false);
  // Compactions may have taken that into such a file meanwhile.
  if (status.ok()) status = db.DeleteRange(rocksdb::WriteOptions(), all, begin, end);
  if (!status.ok()) return write_failure(path, status);
  return {};
}

Result<void> compact_remains(rocksdb::DB& db, const std::string& path, std::vector<layout::KeyRange> ranges) {
  constexpr std::uint64_t kRemainsBytesMin = std::size_t{64} << 10;
  constexpr std::uint64_t kGapBytesMax = std::size_t{64} << 20;  // of a table: those on both sides may share one
  std::optional<layout::KeyRange> span;
  for (layout::KeyRange& range : ranges) {
    if (bytes_of(db, range) < kRemainsBytesMin) continue;
    if (span && bytes_of(db, {span->end, range.begin}) <= kGapBytesMax) {
      span->end = std::move(range.end);
      continue;
    }
    if (span) GYRE_TRY(compact(db, path, *span));
    span = std::move(range);
  }
  return span ? compact(db, path, *span) : Result<void>();
}

}  // namespace gyre::storage
