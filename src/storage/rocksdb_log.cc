#include "storage/rocksdb_log.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <set>

#include <time.h>

#include <fmt/format.h>
#include <rocksdb/transaction_log.h>

#include "storage/files.h"
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
  // Reads the records from `begin` on, before `end`, into itself and `index`.
  Status scan(rocksdb::DB& db, rocksdb::SequenceNumber begin, rocksdb::SequenceNumber end, LogIndex& index) {
    return for_each_record(db, begin, end, [&](const rocksdb::BatchResult& record) {
      steps_.clear();
      Status scanned = visit(*record.writeBatchPtr);
      if (scanned.ok()) index.grow(record.sequence, record.writeBatchPtr->GetDataSize(), steps_);
      ++records_;
      return scanned;
    });
  }

  std::uint64_t records() const { return records_; }

  // Takes a window of the store with the ids logged behind it.
  std::vector<messages::WindowWrite> complete(PartitionId partition, const StoredPartition& stored) {
    LoggedIds window;
    Ids& found = ids_[partition];
    // A window given within this log has taken its place in `found` already.
    if (!found.window_given) window.replace(stored.window);
    for (const messages::WindowWrite& write : found.logged.window()) window.add(write);
    window.truncate_after(stored.state.position.sequence);
    return window.window();
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
      case layout::LogMark::Kind::write_with_id:
      case layout::LogMark::Kind::write_that_may_repeat: {
        const Sequence sequence = mark->write.position.sequence;
        steps_.push_back({.partition = mark->partition, .first = sequence, .last = sequence});
        ids.logged.add(mark->write);
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

  std::vector<LogStep> steps_;  // of one record
  std::map<PartitionId, Ids> ids_;
  std::uint64_t records_ = 0;
};

// The sequence number of the oldest record. 0: there is none. (DB::GetSortedWalFiles would say it too, but waits for
// jobs of the very threads that call trim.)
rocksdb::SequenceNumber oldest_record(rocksdb::DB& db) {
  std::unique_ptr<rocksdb::TransactionLogIterator> records;
  const Status status = db.GetUpdatesSince(0, &records);
  return status.ok() && records->Valid() ? records->GetBatch().sequence : 0;
}

struct LogFile {
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;
  std::string name;

  auto operator<=>(const LogFile&) const = default;
};

// In a directory that may be missing; those that vanish meanwhile are left out.
std::vector<LogFile> log_files(const std::string& directory) {
  std::vector<LogFile> files;
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    LogFile file;
    file.name = entry->path().filename().string();
    const auto [end, no_number] = std::from_chars(file.name.data(), file.name.data() + file.name.size(), file.number);
    if (no_number != std::errc() || std::string_view(end) != ".log") continue;
    std::error_code vanished;
    file.bytes = entry->file_size(vanished);
    if (!vanished) files.push_back(std::move(file));
  }
  std::ranges::sort(files);
  return files;
}

std::string ages_of(const std::string& store) { return store + "/log-ages"; }

Instant boot_time() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return Instant(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace

std::string archive_of(const std::string& store) { return store + "/archive"; }

std::function<Instant()> clock_of(const RocksOptions& options) {
  if (options.clock) return options.clock;
  return boot_time;
}

// Ages that cannot be read are not known: more is kept and read then.
RocksLog::RocksLog(std::string path, const RocksOptions& options)
    : path_(std::move(path)),
      bytes_max_(options.log_bytes),
      boot_(options.boot_id),
      clock_(clock_of(options)),
      ages_(options.log_kept_for) {
  const auto noted = read_file(ages_of(path_));
  if (!boot_.empty() && noted && *noted) ages_.recall(**noted, boot_);
}

// Sets indexed_from_ to where the files begin that must be read now, which it gives, and older_files_ to those before.
std::expected<RocksLog::Places, Status> RocksLog::find_files(rocksdb::DB& db) {
  rocksdb::VectorLogPtr files;
  const Status status = db.GetSortedWalFiles(files);
  if (!status.ok()) return std::unexpected(status);
  const std::uint64_t old = old_through();
  Places recent;
  for (const std::unique_ptr<rocksdb::LogFile>& file : files) {
    (file->LogNumber() <= old ? older_files_ : recent).push_back(file->StartSequence());
  }
  indexed_from_ = recent.empty() ? db.GetLatestSequenceNumber() + 1 : recent.front();
  return recent;
}

// What is logged before a damaged place is as good as not there for who reads the log: who needs it takes a snapshot.
// The ids on both sides of it count.
Result<void> RocksLog::scan(rocksdb::DB& db, std::map<PartitionId, StoredPartition>& stored) {
  const std::lock_guard lock(reading_);
  Scanner scanner;
  const auto files = find_files(db);
  Status status = files ? Status::OK() : files.error();
  const rocksdb::SequenceNumber end = db.GetLatestSequenceNumber() + 1;
  for (std::size_t i = 0; files && i < files->size(); ++i) {
    const Status scanned = scanner.scan(db, (*files)[i], i + 1 < files->size() ? (*files)[i + 1] : end, index_);
    if (scanned.ok()) continue;
    status = scanned;
    if (status.IsIOError()) break;
    index_.break_off();
  }
  records_scanned_ += scanner.records();
  if (status.IsIOError()) return read_failure(path_, status);
  if (!status.ok()) older_files_.clear();
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
  const Status status = scanner.scan(db, begin, indexed_from_, older);
  records_scanned_ += scanner.records();
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

// Of all files only the newest is written to.
void RocksLog::note_complete() {
  std::vector<LogFile> files = log_files(path_);
  std::ranges::move(log_files(archive_of(path_)), std::back_inserter(files));  // last: files move there
  std::set<std::uint64_t> numbers;
  for (const LogFile& file : files) numbers.insert(file.number);
  if (numbers.size() < 2 || !ages_.note(*std::next(numbers.rbegin()), clock_())) return;
  // Lost, it is only noted anew.
  if (!boot_.empty()) (void)write_file(ages_of(path_), ages_.encode(boot_));
}

std::uint64_t RocksLog::old_through() {
  const std::lock_guard lock(trimming_);
  return ages_.old_through(clock_());
}

void RocksLog::trim(rocksdb::DB& db) {
  {
    const std::lock_guard lock(trimming_);
    note_complete();
    const std::uint64_t old = ages_.old_through(clock_());
    const std::vector<LogFile> files = log_files(archive_of(path_));
    std::uint64_t bytes = 0;
    for (const LogFile& file : files) bytes += file.bytes;
    for (const LogFile& file : files) {
      if (bytes <= bytes_max_ || file.number > old) break;
      if (!db.DeleteFile("archive/" + file.name).ok()) break;
      bytes -= file.bytes;
    }
  }
  index_.forget_before(oldest_record(db));
  const std::unique_lock lock(reading_, std::try_to_lock);  // busy: not at rest
  if (lock) stretches_.rest();
}

}  // namespace gyre::storage
