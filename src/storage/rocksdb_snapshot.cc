#include "storage/rocksdb_snapshot.h"

#include <vector>

#include "storage/rocksdb_options.h"

namespace gyre::storage {
namespace {

class RocksSnapshot final : public Snapshot {
 public:
  // The iterator holds the database as it is now, files and memtables.
  RocksSnapshot(rocksdb::DB& db, const std::string& path, PartitionId partition, PartitionState state)
      : path_(path), state_(std::move(state)), bounds_(layout::range_of(partition)) {
    iterator_ = iterate(db, bounds_, /*fill_cache=*/false);
    iterator_->Seek(bounds_.range.begin);
  }

  const PartitionState& state() const override { return state_; }

  Result<std::vector<KeyedRecord>> next(std::size_t bytes_max) override {
    std::vector<KeyedRecord> items;
    std::size_t bytes = 0;
    for (; iterator_->Valid() && (items.empty() || bytes < bytes_max); iterator_->Next()) {
      const std::string_view key = layout::user_key_of(view_of(iterator_->key()));
      GYRE_TRY_SET(const layout::StoredValue value, layout::decode_value(view_of(iterator_->value())));
      bytes += key.size() + value.bytes.size();
      items.push_back({Bytes::copy_of(key), record_of(value)});
    }
    if (!iterator_->status().ok()) return read_failure(path_, iterator_->status());
    return items;
  }

 private:
  const std::string& path_;
  PartitionState state_;
  Bounds bounds_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

}  // namespace

std::unique_ptr<rocksdb::Iterator> iterate(rocksdb::DB& db, const Bounds& bounds, bool fill_cache) {
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &bounds.end;
  options.fill_cache = fill_cache;
  return std::unique_ptr<rocksdb::Iterator>(db.NewIterator(options));
}

messages::Record record_of(const layout::StoredValue& value, bool value_wanted) {
  return {value_wanted ? Bytes::copy_of(value.bytes) : Bytes(), value.version, value.expires_at};
}

std::unique_ptr<Snapshot> take_snapshot(rocksdb::DB& db, const std::string& path, PartitionId partition,
                                        PartitionState state) {
  return std::make_unique<RocksSnapshot>(db, path, partition, std::move(state));
}

}  // namespace gyre::storage
