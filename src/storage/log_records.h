// Goes through the records of a store's log. Internal to this folder.
#pragma once

#include <string_view>

#include <rocksdb/write_batch.h>

#include "gyre/result.h"

namespace gyre::storage {

inline rocksdb::Status damaged(const Error& error) { return rocksdb::Status::Corruption(error.message); }

// Sees the parts of a log record in their order. What is not ours to read (range deletions) passes by.
class RecordVisitor : public rocksdb::WriteBatch::Handler {
 public:
  rocksdb::Status visit(const rocksdb::WriteBatch& record) {
    rocksdb::Status status = record.Iterate(this);
    return status.ok() ? status_ : status;
  }

  rocksdb::Status PutCF(std::uint32_t, const rocksdb::Slice& key, const rocksdb::Slice& value) override {
    return on_put({key.data(), key.size()}, {value.data(), value.size()});
  }
  rocksdb::Status DeleteCF(std::uint32_t, const rocksdb::Slice& key) override {
    return on_delete({key.data(), key.size()});
  }
  rocksdb::Status DeleteRangeCF(std::uint32_t, const rocksdb::Slice&, const rocksdb::Slice&) override {
    return rocksdb::Status::OK();
  }
  rocksdb::Status MarkNoop(bool) override { return rocksdb::Status::OK(); }
  void LogData(const rocksdb::Slice& blob) override {
    if (status_.ok()) status_ = on_mark({blob.data(), blob.size()});
  }

 private:
  virtual rocksdb::Status on_put(std::string_view key, std::string_view value) = 0;
  virtual rocksdb::Status on_delete(std::string_view key) = 0;
  virtual rocksdb::Status on_mark(std::string_view mark) = 0;

  rocksdb::Status status_;  // what a mark had wrong; LogData itself cannot say it
};

}  // namespace gyre::storage
