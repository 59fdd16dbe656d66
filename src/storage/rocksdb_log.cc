#include "storage/rocksdb_log.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>

#include <fmt/format.h>
#include <rocksdb/transaction_log.h>

#include "storage/layout.h"
#include "storage/log_records.h"
#include "storage/rocksdb_options.h"

namespace gyre::storage {
namespace {

namespace fs = std::filesystem;
using rocksdb::Status;

// Shows `visit(record)` the records from the one with sequence number `from` on that begin before `end`, or to
// where it fails.
template <class Visit>
Status for_each_record(rocksdb::DB& db, rocksdb::SequenceNumber from, rocksdb::SequenceNumber end, Visit visit) {
  if (from >= end) return Status::OK();
  std::unique_ptr<rocksdb::TransactionLogIterator> records;
  Status status = db.GetUpdatesSince(from, &records);
  for (; status.ok() && records->Valid(); records->Next()) {
    const rocksdb::BatchResult record = records->GetBatch();
    if (record.sequence >= end) return Status::OK();
    status = visit(record);
  }
  return status.ok() ? records->status() : status;
}

// Collects what scan() is after.
class Scanner final : public RecordVisitor {
 public:
  // Of the records visited since the last call.
  std::vector<LogStep> take_steps() { return std::exchange(steps_, {}); }

  // Takes a window of the store with the ids logged behind it.
  std::vector<messages::WindowWrite> complete(PartitionId partition, const StoredPartition& stored) {
    LoggedIds window;
    Ids& found = ids_[partition];
    // A window given within this log has taken its place in `found` already.
    if (!found.window_given) window.replace(stored.window);
    for (const messages::WindowWrite& write : found.logged.open()) window.add(write);
    window.truncate_after(stored.state.position.sequence);
    window.expire(stored.state.time);
    return window.open();
  }

 private:
  struct Ids {
    LoggedIds logged;
    bool window_given = false;
  };

  Status on_put(std::string_view key, std::string_view value) override {
    if (layout::partition_of(key) != layout::kMetaPartition) return Status::OK();
    const Result<layout::MetaKey> meta = layout::decode_meta_key(key);
    if (!meta) return damaged(meta.error());
    if (meta->kind != layout::MetaKey::Kind::window) return Status::OK();
    StoredPartition stored;
    const Result<void> decoded = layout::decode_meta(meta->kind, value, stored);
    if (!decoded) return damaged(decoded.error());
    Ids& ids = ids_[meta->partition];
    ids.logged.replace(stored.window);
    ids.window_given = true;
    return Status::OK();
  }

  Status on_delete(std::string_view) override { return Status::OK(); }

  Status on_mark(std::string_view blob) override {
    const Result<layout::LogMark> mark = layout::decode_mark(blob);
    if (!mark) return damaged(mark.error());
    Ids& ids = ids_[mark->partition];
    switch (mark->kind) {
      case layout::LogMark::Kind::write:
      case layout::LogMark::Kind::write_with_id: {
        const Sequence sequence = mark->write.position.sequence;
        steps_.push_back({.partition = mark->partition, .first = sequence, .last = sequence});
        ids.logged.add(mark->write);
        ids.logged.expire(mark->write.time);
        break;
      }
      case layout::LogMark::Kind::cut:
        steps_.push_back({.partition = mark->partition, .cut = true, .first = {}, .last = mark->last});
        ids.logged.truncate_after(mark->last);
        break;
      case layout::LogMark::Kind::drop:
        steps_.push_back({.partition = mark->partition, .cut = true, .first = {}, .last = {}});
        ids = {.logged = {}, .window_given = true};
        break;
    }
    return Status::OK();
  }

  std::vector<LogStep> steps_;
  std::map<PartitionId, Ids> ids_;
};

// The sequence number of the oldest record. 0: there is none. (DB::GetSortedWalFiles would say it too, but waits for
// jobs of the very threads that call trim.)
rocksdb::SequenceNumber oldest_record(rocksdb::DB& db) {
  std::unique_ptr<rocksdb::TransactionLogIterator> records;
  const Status status = db.GetUpdatesSince(0, &records);
  return status.ok() && records->Valid() ? records->GetBatch().sequence : 0;
}

}  // namespace

std::string archive_of(const std::string& store) { return store + "/archive"; }

// Sets indexed_from_ to where the files begin that must be read now, and older_files_ to those before.
Status RocksLog::find_files(rocksdb::DB& db) {
  rocksdb::VectorLogPtr files;
  const Status status = db.GetSortedWalFiles(files);
  const auto old = fs::file_time_type::clock::now() - kept_for_;
  for (const std::unique_ptr<rocksdb::LogFile>& file : files) {
    std::error_code error;
    const fs::file_time_type written = fs::last_write_time(path_ + file->PathName(), error);
    indexed_from_ = file->StartSequence();
    if (error || written >= old) return status;
    older_files_.push_back(indexed_from_);
  }
  indexed_from_ = db.GetLatestSequenceNumber() + 1;
  return status;
}

// A log that is damaged somewhere is as good as one that begins behind all that is there: who needs more takes a
// snapshot.
Result<void> RocksLog::scan(rocksdb::DB& db, std::map<PartitionId, StoredPartition>& stored) {
  const std::lock_guard lock(reading_);
  Scanner scanner;
  Status status = find_files(db);
  if (status.ok()) {
    const rocksdb::SequenceNumber end = db.GetLatestSequenceNumber() + 1;
    status = for_each_record(db, indexed_from_, end, [&](const rocksdb::BatchResult& record) {
      Status scanned = scanner.visit(*record.writeBatchPtr);
      const std::vector<LogStep> steps = scanner.take_steps();
      if (scanned.ok()) index_.grow(record.sequence, record.writeBatchPtr->GetDataSize(), steps);
      ++records_scanned_;
      return scanned;
    });
  }
  if (status.IsIOError()) return read_failure(path_, status);
  if (!status.ok()) {
    index_.break_off();
    older_files_.clear();
  }
  for (auto& [partition, held] : stored) {
    held.window = scanner.complete(partition, held);
    index_.settle(partition, held.state.position.sequence);
  }
  return {};
}

// False: there is none.
bool RocksLog::index_older_file(rocksdb::DB& db) {
  if (older_files_.empty()) return false;
  const rocksdb::SequenceNumber begin = older_files_.back();
  older_files_.pop_back();
  LogIndex older;
  Scanner scanner;
  const Status status = for_each_record(db, begin, indexed_from_, [&](const rocksdb::BatchResult& record) {
    Status scanned = scanner.visit(*record.writeBatchPtr);
    const std::vector<LogStep> steps = scanner.take_steps();
    if (scanned.ok()) older.grow(record.sequence, record.writeBatchPtr->GetDataSize(), steps);
    ++records_scanned_;
    return scanned;
  });
  if (!status.ok()) {
    older_files_.clear();
    return false;
  }
  index_.prepend(older);
  indexed_from_ = begin;
  return true;
}

std::uint64_t RocksLog::records_visited() const {
  const std::lock_guard lock(reading_);
  return records_scanned_ + stretches_.records();
}

std::unexpected<Error> RocksLog::not_reached(PartitionId partition, Sequence after) const {
  return fail(ErrorCode::not_found,
              fmt::format("the log of the store {} does not reach back to write {} of partition {}", path_,
                          after.value(), partition.value()));
}

// Meanwhile files may be moved to the archive or removed, and more may be written: RocksDB then says one of many
// things, and the next try finds what there is.
Result<std::vector<messages::LoggedWritePtr>> RocksLog::read(rocksdb::DB& db, PartitionId partition, Sequence after,
                                                             std::size_t bytes_max) {
  constexpr int kTries = 3;
  const std::lock_guard lock(reading_);
  for (int i = 0; i < kTries; ++i) {
    std::vector<messages::LoggedWritePtr> writes;
    if (index_.last(partition) == after) return writes;
    std::optional<std::uint64_t> place = index_.place_behind(partition, after);
    while (!place && after < index_.last(partition) && index_older_file(db)) {
      place = index_.place_behind(partition, after);
    }
    if (!place) break;
    const Status status = stretches_.read(db, index_, *place, partition, after, bytes_max, writes);
    if (!writes.empty()) return writes;
    const bool gone = status.IsPathNotFound() || status.IsNotFound();
    if (status.IsIOError() && !gone && i + 1 == kTries) return read_failure(path_, status);
  }
  return not_reached(partition, after);
}

void RocksLog::trim(rocksdb::DB& db) {
  struct File {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
    fs::file_time_type written;
    std::string name;
  };
  std::vector<File> files;
  std::uint64_t bytes = 0;
  std::error_code error;
  fs::directory_iterator entry(archive_of(path_), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    File file;
    file.name = entry->path().filename().string();
    const auto [end, no_number] = std::from_chars(file.name.data(), file.name.data() + file.name.size(), file.number);
    if (no_number != std::errc() || std::string_view(end) != ".log") continue;
    std::error_code vanished;
    file.bytes = entry->file_size(vanished);
    if (!vanished) file.written = entry->last_write_time(vanished);
    if (vanished) continue;
    bytes += file.bytes;
    files.push_back(std::move(file));
  }
  std::ranges::sort(files, {}, &File::number);
  const auto old_enough = fs::file_time_type::clock::now() - kept_for_;
  for (const File& file : files) {
    if (bytes <= bytes_max_ || file.written > old_enough) break;
    if (!db.DeleteFile("archive/" + file.name).ok()) break;
    bytes -= file.bytes;
  }
  index_.forget_before(oldest_record(db));
  const std::unique_lock lock(reading_, std::try_to_lock);  // busy: not at rest
  if (lock) stretches_.rest();
}

}  // namespace gyre::storage
