// The embedded cluster store: one file in the coordinator's own directory.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "control/cluster_store.h"
#include "storage/files.h"

namespace gyre::coordinator {

// Keeps the state in DIR/cluster.state. Each swap writes the whole state beside it, syncs it, renames it into place and
// syncs the directory, so that a crash leaves the old state or the new one. DIR/lock is held (flock) while the store is
// open; it ends with the process, however that dies.
//
// The file, integers in little endian:
//
//   offset  0  8 bytes  "GYRESTAT"
//           8  u32      format version, 3
//          12  u32      0
//          16  u64      size of the cluster map in bytes
//          24  u64      size of the target placement in bytes
//          32  u64      size of what operators have set in bytes
//          40  u64      XXH64 of all that follows, seeded with the XXH64 of bytes 0 to 40
//          48  ...      the map, the placement, then the settings, as wire/codec.h encodes them
//
// Version 2, from before there were settings, is read, too: it has the checksum at 32 (seeded with bytes 0 to 32) and
// the map from 40 on. Version 1, from before replication, is refused.
//
// THREAD: one at a time. Every call may block on the disk.
class FileStore final : public control::ClusterStore {
 public:
  // Creates the directory if there is none. ERRORS: denied (another process has it open; says which),
  // storage_failed.
  static Result<std::unique_ptr<FileStore>> open(const std::filesystem::path& dir);

  Result<std::optional<control::ClusterState>> load() override;
  Result<void> swap(Epoch expected, const control::ClusterState& state) override;

 private:
  FileStore(std::filesystem::path dir, storage::FileLock lock) : dir_(std::move(dir)), lock_(std::move(lock)) {}

  std::filesystem::path dir_;
  storage::FileLock lock_;
  // What the file holds, as far as this process knows; the lock keeps others away.
  std::optional<control::ClusterState> stored_;
  bool failed_ = false;  // a sync failed after the rename: what the disk holds is unknown until a new process looks
};

}  // namespace gyre::coordinator
