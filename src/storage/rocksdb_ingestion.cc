#include "storage/rocksdb_ingestion.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>

#include "storage/layout.h"
#include "storage/rocksdb_options.h"

namespace gyre::storage {

// --- OpenIngestions ---

std::uint64_t OpenIngestions::begin(PartitionId partition) {
  const std::lock_guard lock(mutex_);
  open_[partition] = {.number = ++last_};
  return last_;
}

bool OpenIngestions::drop(PartitionId partition) {
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

void OpenIngestions::finish(PartitionId partition) {
  const std::lock_guard lock(mutex_);
  open_.erase(partition);
}

// --- IngestionFiles ---

class IngestionFiles::File final : public Ingestion {
 public:
  File(IngestionFiles& files, PartitionId partition, std::uint64_t number)
      : files_(files),
        partition_(partition),
        number_(number),
        name_(fmt::format("{}/{}-{}.sst", files.directory(), partition.value(), number)),
        // What is copied may soon be read: its pages stay where they are.
        writer_(rocksdb::EnvOptions(files.options_), files.options_, nullptr, /*invalidate_page_cache=*/false) {}

  ~File() override {
    std::error_code gone;
    std::filesystem::remove(name_, gone);  // a file that was taken in is there no more
  }

  Result<void> add(std::span<const messages::Mutation> records) override {
    if (last_key_.empty()) GYRE_TRY(open());
    for (const messages::Mutation& record : records) {
      if (record.kind == messages::Mutation::Kind::del) continue;  // nothing is there
      std::string key = layout::key_of(partition_, record.key.view());
      if (key <= last_key_) {
        return fail(ErrorCode::invalid_argument, "the records of a snapshot do not come in key order");
      }
      value_ = layout::ValueHeader(record.record).view();
      value_ += record.record.value.view();
      const rocksdb::Status status = writer_.Put(key, value_);
      if (!status.ok()) return write_failure(files_.path_, status);
      last_key_ = std::move(key);
    }
    return {};
  }

  Result<void> finish() override {
    if (last_key_.empty()) return {};
    rocksdb::Status status = writer_.Finish();
    // What the file goes on from must not go missing without it.
    if (status.ok()) status = files_.db_.FlushWAL(/*sync=*/true);
    if (!status.ok()) return write_failure(files_.path_, status);
    if (!files_.open_.place(partition_, number_)) {
      return fail(ErrorCode::not_found, "the partition was dropped while it was filled");
    }
    status = take_in();
    files_.open_.finish(partition_);
    if (!status.ok()) return write_failure(files_.path_, status);
    return {};
  }

 private:
  Result<void> open() {
    std::error_code error;
    std::filesystem::create_directory(files_.directory(), error);
    if (error) {
      return fail(ErrorCode::storage_failed, fmt::format("{} cannot be made: {}", files_.directory(), error.message()));
    }
    const rocksdb::Status status = writer_.Open(name_);
    if (!status.ok()) return write_failure(files_.path_, status);
    return {};
  }

  rocksdb::Status take_in() {
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.snapshot_consistency = false;  // nobody reads the partition before it is whole
    options.allow_global_seqno = false;
    options.allow_blocking_flush = false;
    options.write_global_seqno = false;
    rocksdb::Status status = files_.db_.IngestExternalFile({name_}, options);
    if (status.IsInvalidArgument()) status = write_out();
    return status;
  }

  // In pieces, as slowly as the store's disk will have it.
  rocksdb::Status write_out() {
    constexpr std::size_t kBatchBytes = limits::kSnapshotChunkBytes;
    rocksdb::SstFileReader reader(files_.options_);
    rocksdb::Status status = reader.Open(name_);
    if (!status.ok()) return status;
    const std::unique_ptr<rocksdb::Iterator> records(reader.NewIterator(rocksdb::ReadOptions()));
    rocksdb::WriteBatch batch;
    for (records->SeekToFirst(); status.ok() && records->Valid(); records->Next()) {
      status = batch.Put(records->key(), records->value());
      if (!status.ok() || batch.GetDataSize() < kBatchBytes) continue;
      status = files_.db_.Write(rocksdb::WriteOptions(), &batch);
      batch.Clear();
    }
    if (status.ok()) status = records->status();
    if (status.ok() && batch.Count() > 0) status = files_.db_.Write(rocksdb::WriteOptions(), &batch);
    if (status.ok()) status = files_.db_.FlushWAL(/*sync=*/true);
    return status;
  }

  IngestionFiles& files_;
  const PartitionId partition_;
  const std::uint64_t number_;
  const std::string name_;
  rocksdb::SstFileWriter writer_;
  std::string last_key_;  // as stored; empty: nothing was added
  std::string value_;
};

Result<void> IngestionFiles::clear() const {
  std::error_code error;
  std::filesystem::remove_all(directory(), error);
  if (!error) return {};
  return fail(ErrorCode::storage_failed, fmt::format("{} cannot be removed: {}", directory(), error.message()));
}

std::unique_ptr<Ingestion> IngestionFiles::begin(PartitionId partition) {
  return std::make_unique<File>(*this, partition, open_.begin(partition));
}

}  // namespace gyre::storage
