#include "storage/log_stretches.h"

#include <algorithm>
#include <utility>

#include "storage/layout.h"
#include "storage/log_records.h"

namespace gyre::storage {
namespace {

using messages::LoggedWritePtr;
using rocksdb::Status;

void copy_page(const std::vector<LoggedWritePtr>& logged, Sequence after, std::size_t bytes_max,
               std::vector<LoggedWritePtr>& page) {
  if (logged.empty() || logged.front()->position.sequence > after.next()) return;
  std::size_t bytes = 0;
  for (std::size_t i = after.next().value() - logged.front()->position.sequence.value(); i < logged.size(); ++i) {
    if (!page.empty() && bytes >= bytes_max) return;
    bytes += logged[i]->bytes();
    page.push_back(logged[i]);
  }
}

}  // namespace

// Collects the writes of all partitions.
class LogStretches::Decoder final : public RecordVisitor {
 public:
  explicit Decoder(Stretch& stretch) : stretch_(stretch) {}

  // To be called behind each record: the write that was begun is whole.
  void end_record() {
    if (!write_) return;
    std::vector<LoggedWritePtr>& writes = stretch_.writes[partition_];
    // What came before is of no history that goes on here.
    if (!writes.empty() && writes.back()->position.sequence.next() != write_->position.sequence) writes.clear();
    writes.push_back(std::move(write_));
    write_.reset();
  }

 private:
  Status on_put(std::string_view key, std::string_view value) override {
    if (!belongs(key)) return Status::OK();
    const Result<layout::StoredValue> record = layout::decode_value(value);
    if (!record) return damaged(record.error());
    write_->mutations.push_back({messages::Mutation::Kind::put,
                                 Bytes::copy_of(layout::user_key_of(key)),
                                 {Bytes::copy_of(record->bytes), record->version, record->expires_at}});
    return Status::OK();
  }

  Status on_delete(std::string_view key) override {
    if (!belongs(key)) return Status::OK();
    write_->mutations.push_back(
        {messages::Mutation::Kind::del, Bytes::copy_of(layout::user_key_of(key)), {{}, write_->position, kNoExpiry}});
    return Status::OK();
  }

  Status on_mark(std::string_view blob) override {
    end_record();
    Result<layout::LogMark> mark = layout::decode_mark(blob);
    if (!mark) return damaged(mark.error());
    partition_ = mark->partition;
    if (mark->kind == layout::LogMark::Kind::cut || mark->kind == layout::LogMark::Kind::drop) {
      stretch_.writes.erase(partition_);
      return Status::OK();
    }
    write_ = std::make_shared<messages::LoggedWrite>(std::move(mark->write));
    return Status::OK();
  }

  // Whether the key is one of the write that was begun; a key of the store itself ends it.
  bool belongs(std::string_view key) {
    if (write_ && layout::partition_of(key) != partition_.value()) end_record();
    return write_ != nullptr;
  }

  Stretch& stretch_;
  PartitionId partition_;
  std::shared_ptr<messages::LoggedWrite> write_;  // begun
};

Status LogStretches::read(rocksdb::DB& db, const LogIndex& index, std::uint64_t place, PartitionId partition,
                          Sequence after, std::size_t bytes_max, std::vector<LoggedWritePtr>& writes) {
  used_ = true;
  while (true) {
    const LogRange range = index.stretch_at(place);
    Stretch& stretch = at(range.begin);
    // Read as far as it goes before anything of it is used: a partition's history may begin anew further behind.
    const std::uint64_t end = range.end.value_or(db.GetLatestSequenceNumber() + 1);
    if (stretch.end < end) {
      const Status status = extend(db, stretch, end);
      if (!status.ok()) {
        cursor_.reset();
        if (!status.IsTryAgain()) stretches_.pop_front();
        return status;
      }
    }
    copy_page(stretch.writes[partition], after, bytes_max, writes);
    if (!writes.empty() || !range.end) return Status::OK();
    place = *range.end;
  }
}

LogStretches::Stretch& LogStretches::at(std::uint64_t begin) {
  const auto found = std::ranges::find(stretches_, begin, &Stretch::begin);
  if (found != stretches_.end()) {
    stretches_.splice(stretches_.begin(), stretches_, found);
  } else {
    stretches_.push_front({.begin = begin, .end = begin, .writes = {}});
    if (stretches_.size() > kKept) stretches_.pop_back();
  }
  return stretches_.front();
}

// Reads on from where the stretch ends so far, to `end`.
Status LogStretches::extend(rocksdb::DB& db, Stretch& stretch, std::uint64_t end) {
  Status status = move_cursor(db, stretch.end);
  Decoder decoder(stretch);
  while (status.ok() && cursor_->Valid() && cursor_place_ < end) {
    const rocksdb::BatchResult record = cursor_->GetBatch();
    status = decoder.visit(*record.writeBatchPtr);
    decoder.end_record();
    ++records_;
    cursor_place_ = record.sequence + record.writeBatchPtr->Count();
    stretch.end = cursor_place_;
    if (cursor_place_ < end) cursor_->Next();
  }
  return status.ok() ? cursor_->status() : status;
}

// To the first record at `place` or behind it.
Status LogStretches::move_cursor(rocksdb::DB& db, std::uint64_t place) {
  if (cursor_ && cursor_place_ == place) {
    cursor_->Next();
    if (cursor_->status().ok()) return Status::OK();
  }
  cursor_.reset();
  cursor_place_ = place;
  return db.GetUpdatesSince(place, &cursor_);
}

void LogStretches::rest() {
  if (std::exchange(used_, false)) return;
  stretches_.clear();
  cursor_.reset();
}

}  // namespace gyre::storage
