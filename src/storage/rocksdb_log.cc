#include "storage/rocksdb_log.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <rocksdb/transaction_log.h>
#include <rocksdb/write_batch.h>

#include "storage/layout.h"
#include "storage/rocksdb_options.h"

namespace gyre::storage {
namespace {

namespace fs = std::filesystem;
using rocksdb::Slice;
using rocksdb::Status;

std::string_view view_of(const Slice& slice) { return {slice.data(), slice.size()}; }

Status damaged(const Error& error) { return Status::Corruption(error.message); }

// Goes through the parts of a log record in their order. What is not ours to read (sweeps, range deletions) passes by.
class RecordVisitor : public rocksdb::WriteBatch::Handler {
 public:
  Status PutCF(std::uint32_t, const Slice& key, const Slice& value) override {
    return on_put(view_of(key), view_of(value));
  }
  Status DeleteCF(std::uint32_t, const Slice& key) override { return on_delete(view_of(key)); }
  Status DeleteRangeCF(std::uint32_t, const Slice&, const Slice&) override { return Status::OK(); }
  Status MarkNoop(bool) override { return Status::OK(); }
  void LogData(const Slice& blob) override {
    if (status_.ok()) status_ = on_mark(view_of(blob));
  }

  // What a mark had wrong; the handler's own interface cannot say it.
  const Status& status() const { return status_; }

 private:
  virtual Status on_put(std::string_view key, std::string_view value) = 0;
  virtual Status on_delete(std::string_view key) = 0;
  virtual Status on_mark(std::string_view mark) = 0;

  Status status_;
};

// Shows `visit(batch)` the records from the one with sequence number `from` on, until it returns false or fails.
template <class Visit>
Status for_each_record(rocksdb::DB& db, rocksdb::SequenceNumber from, Visit visit) {
  std::unique_ptr<rocksdb::TransactionLogIterator> records;
  Status status = db.GetUpdatesSince(from, &records);
  for (; status.ok() && records->Valid(); records->Next()) {
    const rocksdb::BatchResult record = records->GetBatch();
    bool more = true;
    status = visit(record, more);
    if (!status.ok() || !more) return status;
  }
  return status.ok() ? records->status() : status;
}

Status iterate(const rocksdb::WriteBatch& batch, RecordVisitor& visitor) {
  Status status = batch.Iterate(&visitor);
  return status.ok() ? visitor.status() : status;
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

// Collects the writes of one partition behind one sequence.
class PageReader final : public RecordVisitor {
 public:
  PageReader(PartitionId partition, Sequence after, std::size_t bytes_max)
      : partition_(partition), after_(after), next_(after.next()), bytes_max_(bytes_max) {}

  bool full() const { return !writes_.empty() && bytes_ >= bytes_max_; }
  // To be called behind each record: the write that was begun is whole.
  void end_record() { finish_write(); }
  // A write is missing before those that were found.
  bool broken() const { return broken_; }
  std::vector<messages::LoggedWritePtr> take() { return std::move(writes_); }

 private:
  Status on_put(std::string_view key, std::string_view value) override {
    if (!write_) return Status::OK();
    if (layout::partition_of(key) != partition_.value()) {
      finish_write();
      return Status::OK();
    }
    const Result<layout::StoredValue> record = layout::decode_value(value);
    if (!record) return damaged(record.error());
    write_->mutations.push_back({messages::Mutation::Kind::put, Bytes::copy_of(layout::user_key_of(key)),
                                 {Bytes::copy_of(record->bytes), record->version, record->expires_at}});
    return Status::OK();
  }

  Status on_delete(std::string_view key) override {
    if (!write_) return Status::OK();
    if (layout::partition_of(key) != partition_.value()) {
      finish_write();
      return Status::OK();
    }
    write_->mutations.push_back({messages::Mutation::Kind::del, Bytes::copy_of(layout::user_key_of(key)),
                                 {{}, write_->position, kNoExpiry}});
    return Status::OK();
  }

  Status on_mark(std::string_view blob) override {
    finish_write();
    const Result<PartitionId> partition = layout::partition_of_mark(blob);
    if (!partition) return damaged(partition.error());
    if (*partition != partition_ || full()) return Status::OK();
    Result<layout::LogMark> mark = layout::decode_mark(blob);
    if (!mark) return damaged(mark.error());
    if (mark->kind == layout::LogMark::Kind::cut || mark->kind == layout::LogMark::Kind::drop) {
      // What came before is of no history of ours, and what comes may begin elsewhere.
      writes_.clear();
      bytes_ = 0;
      next_ = after_.next();
      broken_ = false;
      return Status::OK();
    }
    if (mark->write.position.sequence <= after_ || broken_) return Status::OK();
    if (mark->write.position.sequence != next_) {
      broken_ = true;
      return Status::OK();
    }
    next_ = next_.next();
    write_ = std::make_shared<messages::LoggedWrite>(std::move(mark->write));
    return Status::OK();
  }

  void finish_write() {
    if (!write_) return;
    bytes_ += write_->bytes();
    writes_.push_back(std::move(write_));
    write_.reset();
  }

  const PartitionId partition_;
  const Sequence after_;
  Sequence next_;
  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  bool broken_ = false;
  std::vector<messages::LoggedWritePtr> writes_;
  std::shared_ptr<messages::LoggedWrite> write_;  // begun
};

// The sequence number of the oldest record. 0: there is none. (DB::GetSortedWalFiles would say it too, but waits for jobs
// of the very threads that call trim.)
rocksdb::SequenceNumber oldest_record(rocksdb::DB& db) {
  std::unique_ptr<rocksdb::TransactionLogIterator> records;
  const Status status = db.GetUpdatesSince(0, &records);
  return status.ok() && records->Valid() ? records->GetBatch().sequence : 0;
}

}  // namespace

std::string archive_of(const std::string& store) { return store + "/archive"; }

// A log that breaks off, as after the machine's death, is as good as one that begins behind the break: read() refuses
// what lies before it.
Result<void> RocksLog::scan(rocksdb::DB& db, std::map<PartitionId, StoredPartition>& stored) {
  Scanner scanner;
  const auto visit = [&](const rocksdb::BatchResult& record, bool&) {
    Status status = iterate(*record.writeBatchPtr, scanner);
    const std::vector<LogStep> steps = scanner.take_steps();
    if (status.ok()) index_.grow(record.sequence, record.writeBatchPtr->GetDataSize(), steps);
    return status;
  };
  const rocksdb::SequenceNumber oldest = oldest_record(db);
  if (oldest > 0) {
    const Status status = for_each_record(db, oldest, visit);
    if (status.IsIOError()) return read_failure(path_, status);
  }
  std::vector<LogStep> ends;
  for (auto& [partition, held] : stored) {
    held.window = scanner.complete(partition, held);
    const Sequence last = held.state.position.sequence;
    if (index_.last(partition) != last) ends.push_back({.partition = partition, .cut = true, .first = {}, .last = last});
  }
  index_.grow(db.GetLatestSequenceNumber() + 1, 0, ends);
  return {};
}

std::unexpected<Error> RocksLog::not_reached(PartitionId partition, Sequence after) const {
  return fail(ErrorCode::not_found, fmt::format("the log of the store {} does not reach back to write {} of partition {}",
                                                path_, after.value(), partition.value()));
}

// Meanwhile files may be moved to the archive or removed, and more may be written: RocksDB then says one of many things,
// and the next try finds what there is.
Result<std::vector<messages::LoggedWritePtr>> RocksLog::read(rocksdb::DB& db, PartitionId partition, Sequence after,
                                                             std::size_t bytes_max) const {
  constexpr int kTries = 3;
  for (int i = 0; i < kTries; ++i) {
    if (index_.last(partition) == after) return std::vector<messages::LoggedWritePtr>{};
    const std::optional<std::uint64_t> place = index_.place_behind(partition, after);
    if (!place) break;
    PageReader page(partition, after, bytes_max);
    const Status status = for_each_record(db, *place, [&](const rocksdb::BatchResult& record, bool& more) {
      Status read = iterate(*record.writeBatchPtr, page);
      page.end_record();
      more = !page.full() && !page.broken();
      return read;
    });
    std::vector<messages::LoggedWritePtr> writes = page.take();
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
    const auto [end, no_number] =
        std::from_chars(file.name.data(), file.name.data() + file.name.size(), file.number);
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
}

}  // namespace gyre::storage
