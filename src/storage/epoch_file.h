// The epoch of the newest cluster map that a directory's node has known. Internal to this folder.
#pragma once

#include <cstddef>
#include <filesystem>
#include <utility>

#include "base/ids.h"
#include "gyre/result.h"

namespace gyre::storage {

// Each step of a move changes the map, and each node notes its epoch before it acts by it. So the file has two places
// of which one is overwritten: the disk has a block to write, and no metadata, and a death of the machine leaves the
// other place as it was synced last.
class EpochFile {
 public:
  // Made if there is none; what it holds is durable. ERRORS: corrupt, storage_failed.
  static Result<EpochFile> open(const std::filesystem::path& path);

  // Saved last; 0: none yet.
  Epoch epoch() const { return epoch_; }
  // Outlives the process when it returns, and the machine once it is synced. REQUIRES: none was greater.
  // ERRORS: storage_failed (the file has this one or the one synced last).
  Result<void> save(Epoch epoch);
  // ERRORS: storage_failed: do not go on, for nobody knows what the disk has.
  Result<void> sync();

 private:
  EpochFile(std::filesystem::path path, Epoch epoch) : path_(std::move(path)), epoch_(epoch) {}

  std::filesystem::path path_;
  Epoch epoch_;
  std::size_t synced_place_ = 0;
  bool synced_ = true;  // epoch_ is what that place holds
};

}  // namespace gyre::storage
