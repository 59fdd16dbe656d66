// A node's data directory: who it belongs to, its lock, and the stores in it.
//
//   LOCK        held by the process that uses the directory; its process id
//   FORMAT      format of everything here
//   identity    see identity.h
//   map-epoch   of the newest cluster map that the node has known
//   map         the cluster map that the node knew last
//   store-<i>/  RocksDB databases, one for each engine
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "storage/epoch_file.h"
#include "storage/files.h"
#include "storage/identity.h"
#include "storage/rocksdb_engine.h"

namespace gyre::storage {

// Of all files below a data directory. A directory with another number is refused.
inline constexpr std::uint32_t kDataFormat = 2;

struct DataDirectoryOptions {
  NodeId node;
  ClusterId cluster;         // empty: any
  std::uint32_t stores = 1;  // engines; counts only when the directory is created
  std::size_t cache_bytes = std::size_t{256} << 20;    // shared by the engines
  std::size_t memtable_bytes = std::size_t{64} << 20;  // of an engine; see RocksOptions
  std::size_t log_bytes = std::size_t{1} << 30;  // of all engines together; see RocksOptions
  std::array<std::uint64_t, 2> random{};  // names the directory when it is created
  std::string boot_id;  // changes when the machine restarts; empty: ask the kernel
  bool always_synced = false;  // the caller acknowledges a write only once it is synced
};

// Life: open (creates the directory where it is missing or empty), then close; destroyed without close, it is as if the
// process had died: nothing committed is lost, but a machine that dies later is assumed to have lost something.
//
// INVARIANT: an incarnation is durable before any caller sees it, and no two lives have the same.
// THREAD: one at a time, apart from the engines.
class DataDirectory {
 public:
  // ERRORS: wrong_cluster; unsupported (newer format); denied (in use by another process); invalid_argument (no
  // data directory of ours, or another node's); corrupt; storage_failed (cannot be written, read or locked).
  static Result<std::unique_ptr<DataDirectory>> open(const std::filesystem::path& path,
                                                     const DataDirectoryOptions& options);

  // Belongs to `cluster` from now on, and has known its map of `epoch`. When it returns, that outlives the process; and
  // the machine where `always_synced`, else once sync_epoch() has returned: as the writes that follow from that map.
  // Repeating it is nothing.
  // REQUIRES: !cluster.empty(). ERRORS: wrong_cluster (belongs to another), stale_map (has known a newer one),
  // storage_failed.
  Result<void> adopt_map(const ClusterId& cluster, Epoch epoch);

  // Makes the epoch adopted last durable. ERRORS: storage_failed: do not go on, for nobody knows what the disk has.
  Result<void> sync_epoch();

  // Keeps a map, as bytes that mean nothing here, for the process after this one; durable when it returns.
  // REQUIRES: its epoch has been adopted and synced. ERRORS: storage_failed (the one before is there, or this one).
  Result<void> keep_map(std::string_view map);
  // The map kept last, maybe of an older epoch than has been adopted. None: there is none yet.
  // ERRORS: corrupt, unsupported (of a newer version), storage_failed.
  Result<std::optional<std::string>> kept_map() const;

  // Every partition here is in sync again under the present generation; durable when it returns. Repeating it is
  // nothing. ERRORS: storage_failed.
  Result<void> caught_up();

  // Syncs and closes the engines, then marks the stop as clean. REQUIRES: nobody uses the engines any more.
  // ERRORS: storage_failed (the stop is not marked).
  Result<void> close();

  const std::vector<std::unique_ptr<RocksEngine>>& engines() const { return engines_; }
  const Uuid& data_id() const { return identity_.data_id; }
  const NodeId& node() const { return identity_.node; }
  const ClusterId& cluster() const { return identity_.cluster; }
  // Of the newest map known; 0: none yet.
  Epoch map_epoch() const { return identity_.map_epoch; }
  Incarnation incarnation() const { return identity_.incarnation; }
  Generation generation() const { return identity_.generation; }
  // Acknowledged writes may be missing: the generation began with a loss, in this life or in an earlier one that ended
  // before it had caught up.
  bool may_lack_writes() const { return identity_.lacks_writes; }

 private:
  DataDirectory(std::filesystem::path path, FileLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  Result<void> load_or_create(const DataDirectoryOptions& options);
  Result<void> check_identity(const DataDirectoryOptions& options) const;
  Result<void> load_epoch();
  Result<void> start(const DataDirectoryOptions& options);
  Result<void> save(const Identity& identity);

  std::filesystem::path path_;
  FileLock lock_;
  Identity identity_;
  std::optional<EpochFile> epoch_file_;
  std::vector<std::unique_ptr<RocksEngine>> engines_;
};

}  // namespace gyre::storage
