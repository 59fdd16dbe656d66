// The few files a server's own directory has beside its databases: read whole, replaced atomically, locked. Paths are
// the operator's, so every error names one and says what the system said.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "gyre/result.h"

namespace gyre::storage {

// None: there is no such file. ERRORS: storage_failed.
Result<std::optional<std::string>> read_file(const std::filesystem::path& path);

// Replaces the file's contents. Durable when it returns; a crash leaves the old contents or the new, whole.
// May leave `path`.tmp behind. ERRORS: storage_failed (the old contents, or the new).
Result<void> write_file(const std::filesystem::path& path, std::string_view contents);

// Creates the file, or replaces its contents in place, and makes them durable; its name is not (sync_directory()).
// ERRORS: storage_failed.
Result<void> write_synced(const std::filesystem::path& path, std::string_view contents);

// Overwrites bytes that the file has, from `offset` on. Its size and place stay, so that a sync_data() has nothing else
// to write; before that, a death of the machine may leave them torn. ERRORS: storage_failed.
Result<void> overwrite(const std::filesystem::path& path, std::size_t offset, std::string_view contents);

// Makes the contents of a file durable. ERRORS: storage_failed.
Result<void> sync_data(const std::filesystem::path& path);

// Makes the entries of a directory durable. ERRORS: storage_failed.
Result<void> sync_directory(const std::filesystem::path& path);

inline constexpr std::string_view kTemporarySuffix = ".tmp";

// An exclusive lock on a file, with the holder's process id in it. Freed when destroyed, and by the holder's death.
class FileLock {
 public:
  // ERRORS: denied (another process holds it; names it), storage_failed.
  static Result<FileLock> acquire(const std::filesystem::path& path);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace gyre::storage
