#include "storage/rocksdb_ingestion.h"

#include <filesystem>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>

#include "base/limits.h"
#include "storage/layout.h"
#include "storage/rocksdb_options.h"

namespace gyre::storage {

// --- OpenIngestions ---

std::uint64_t OpenIngestions::begin(PartitionId partition) {
  const std::lock_guard lock(mutex_);
  open_[partition] = {.number = ++last_};
  return last_;
}

bool OpenIngestions::cancel(PartitionId partition) {
  const std::lock_guard lock(mutex_);
  const auto open = open_.find(partition);
  if (open == open_.end()) return true;
  if (open->second.placing) return false;
  open_.erase(open);
  return true;
}

bool OpenIngestions::place(PartitionId partition, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto open = open_.find(partition);
  if (open == open_.end() || open->second.number != number) return false;
  open->second.placing = true;
  return true;
}

void OpenIngestions::placed(PartitionId partition) {
  const std::lock_guard lock(mutex_);
  open_.at(partition).placing = false;
}

// --- Ingestions ---

// What both ways have in common.
class Ingestions::Filling : public Ingestion {
 public:
  Filling(Ingestions& all, PartitionId partition)
      : all_(all), partition_(partition), number_(all.open_.begin(partition)) {}

  Result<void> add(std::span<const messages::Mutation> records) final {
    const std::string before = last_key_;
    Result<void> added = take(records);
    if (!added) last_key_ = before;
    return added;
  }

 protected:
  virtual rocksdb::Status put(const std::string& key, const std::string& value) = 0;
  virtual Result<void> end_piece() = 0;

  // Runs `work`, unless the ingestion was cancelled.
  template <class Work>
  Result<void> place(Work work) {
    if (!all_.open_.place(partition_, number_)) {
      return fail(ErrorCode::not_found, "the partition was dropped while it was filled");
    }
    const rocksdb::Status status = work();
    all_.open_.placed(partition_);
    if (!status.ok()) return write_failure(all_.path_, status);
    return {};
  }

  Ingestions& all_;
  const PartitionId partition_;
  const std::uint64_t number_;

 private:
  Result<void> take(std::span<const messages::Mutation> records) {
    for (const messages::Mutation& record : records) {
      if (record.kind == messages::Mutation::Kind::del) continue;  // nothing is there
      std::string key = layout::key_of(partition_, record.key.view());
      if (key <= last_key_) {
        return fail(ErrorCode::invalid_argument, "the records of a snapshot do not come in key order");
      }
      value_ = layout::ValueHeader(record.record).view();
      value_ += record.record.value.view();
      const rocksdb::Status status = put(key, value_);
      if (!status.ok()) return write_failure(all_.path_, status);
      last_key_ = std::move(key);
    }
    return end_piece();
  }

  std::string last_key_;  // as stored
  std::string value_;
};

class Ingestions::ByFiles final : public Filling {
 public:
  ByFiles(Ingestions& all, PartitionId partition)
      : Filling(all, partition),
        begun_at_(all.db_.GetLatestSequenceNumber()),
        // What is copied may soon be read: its pages stay where they are.
        writer_(rocksdb::EnvOptions(all.options_), all.options_, nullptr, /*invalidate_page_cache=*/false) {}

  ~ByFiles() override { remove_files(); }

  Result<void> finish() override {
    rocksdb::Status status = end_file();
    // What the copy goes on from must not go missing without it.
    if (status.ok()) status = all_.sync_through(begun_at_);
    if (!status.ok()) return write_failure(all_.path_, status);
    if (files_.empty()) return {};
    bool refused = false;
    GYRE_TRY(place([&] {
      const rocksdb::Status taken = take_in();
      refused = taken.IsInvalidArgument();
      return refused ? rocksdb::Status::OK() : taken;
    }));
    if (!refused) return {};
    // Of an earlier process, as no other is unknown.
    all_.note_tombstone(partition_);
    remove_files();
    return fail(ErrorCode::not_found, "something dropped lies over the partition: begin again");
  }

 private:
  rocksdb::Status put(const std::string& key, const std::string& value) override {
    if (!writing_) {
      std::error_code error;
      std::filesystem::create_directory(all_.directory(), error);  // opening the file tells of a failure
      const std::string name =
          fmt::format("{}/{}-{}-{}.sst", all_.directory(), partition_.value(), number_, files_.size());
      const rocksdb::Status status = writer_.Open(name);
      if (!status.ok()) return status;
      files_.push_back(name);
      writing_ = true;
    }
    return writer_.Put(key, value);
  }

  Result<void> end_piece() override {
    // A file has one filter and is compacted as a whole, so none is larger than compactions make them.
    if (!writing_ || writer_.FileSize() < all_.options_.target_file_size_base) return {};
    const rocksdb::Status status = end_file();
    if (!status.ok()) return write_failure(all_.path_, status);
    return {};
  }

  void remove_files() {
    for (const std::string& file : files_) {
      std::error_code gone;
      std::filesystem::remove(file, gone);  // one that was taken in is there no more
    }
    files_.clear();
  }

  rocksdb::Status end_file() { return std::exchange(writing_, false) ? writer_.Finish() : rocksdb::Status::OK(); }

  rocksdb::Status take_in() {
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.snapshot_consistency = false;  // nobody reads the partition before it is whole
    options.allow_global_seqno = false;
    options.allow_blocking_flush = false;
    options.write_global_seqno = false;
    return all_.db_.IngestExternalFile(files_, options);
  }

  const rocksdb::SequenceNumber begun_at_;
  std::vector<std::string> files_;
  rocksdb::SstFileWriter writer_;
  bool writing_ = false;  // the last of the files
};

class Ingestions::ByPieces final : public Filling {
 public:
  using Filling::Filling;

  Result<void> finish() override {
    const rocksdb::Status status = all_.sync_through(all_.db_.GetLatestSequenceNumber());
    if (!status.ok()) return write_failure(all_.path_, status);
    return place([] { return rocksdb::Status::OK(); });
  }

 private:
  rocksdb::Status put(const std::string& key, const std::string& value) override { return batch_.Put(key, value); }

  // Others need the thread more than it may wait for a stalled disk.
  Result<void> end_piece() override {
    if (batch_.Count() == 0) return {};
    rocksdb::WriteOptions at_once;
    at_once.no_slowdown = true;
    Result<void> written = place([&] { return all_.db_.Write(at_once, &batch_); });
    if (written) all_.log_.pass(batch_.GetDataSize());
    batch_.Clear();
    return written;
  }

  rocksdb::WriteBatch batch_;
};

Result<void> Ingestions::clear() const {
  std::error_code error;
  std::filesystem::remove_all(directory(), error);
  if (!error) return {};
  return fail(ErrorCode::storage_failed, fmt::format("{} cannot be removed: {}", directory(), error.message()));
}

std::unique_ptr<Ingestion> Ingestions::begin(PartitionId partition) {
  if (under_tombstone(partition)) return std::make_unique<ByPieces>(*this, partition);
  return std::make_unique<ByFiles>(*this, partition);
}

bool Ingestions::under_tombstone(PartitionId partition) {
  const std::lock_guard lock(mutex_);
  return tombstones_.contains(partition);
}

void Ingestions::note_tombstone(PartitionId partition) {
  const std::lock_guard lock(mutex_);
  tombstones_.insert(partition);
}

void Ingestions::note_synced(rocksdb::SequenceNumber through) {
  rocksdb::SequenceNumber known = synced_.load(std::memory_order_relaxed);
  while (known < through && !synced_.compare_exchange_weak(known, through)) {
  }
}

// Most often a sync of every second has done so.
rocksdb::Status Ingestions::sync_through(rocksdb::SequenceNumber wanted) {
  if (synced_.load(std::memory_order_relaxed) >= wanted) return rocksdb::Status::OK();
  const rocksdb::SequenceNumber last = db_.GetLatestSequenceNumber();
  const rocksdb::Status status = db_.FlushWAL(/*sync=*/true);
  if (status.ok()) note_synced(last);
  return status;
}

}  // namespace gyre::storage
