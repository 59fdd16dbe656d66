#include "storage/files.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fmt/format.h>

namespace gyre::storage {
namespace {

std::unexpected<Error> system_failure(const std::filesystem::path& path, std::string_view what) {
  const int code = errno;
  return fail(ErrorCode::storage_failed, fmt::format("{} cannot be {}: {}", path.string(), what, std::strerror(code)));
}

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags) : value_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }

  bool open() const { return value_ >= 0; }
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

// At the descriptor's offset. False: errno says why.
bool write_all(int descriptor, std::string_view contents) {
  while (!contents.empty()) {
    const ssize_t written = ::write(descriptor, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool read_all(int descriptor, std::string& contents) {
  char chunk[4096];
  while (true) {
    const ssize_t size = ::read(descriptor, chunk, sizeof chunk);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return size == 0;
    contents.append(chunk, static_cast<std::size_t>(size));
  }
}

}  // namespace

Result<std::optional<std::string>> read_file(const std::filesystem::path& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.open() && errno == ENOENT) return std::optional<std::string>{};
  std::string contents;
  if (!file.open() || !read_all(file.get(), contents)) return system_failure(path, "read");
  return std::optional(std::move(contents));
}

Result<void> write_file(const std::filesystem::path& path, std::string_view contents) {
  std::filesystem::path temporary = path;
  temporary += kTemporarySuffix;
  GYRE_TRY(write_synced(temporary, contents));
  if (::rename(temporary.c_str(), path.c_str()) != 0) return system_failure(path, "written");
  return sync_directory(path.parent_path());
}

Result<void> write_synced(const std::filesystem::path& path, std::string_view contents) {
  const Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.open() || !write_all(file.get(), contents) || ::fsync(file.get()) != 0) {
    return system_failure(path, "written");
  }
  return {};
}

Result<void> overwrite(const std::filesystem::path& path, std::size_t offset, std::string_view contents) {
  const Descriptor file(path, O_WRONLY);
  if (!file.open() || ::lseek(file.get(), static_cast<off_t>(offset), SEEK_SET) < 0 ||
      !write_all(file.get(), contents)) {
    return system_failure(path, "written");
  }
  return {};
}

Result<void> sync_data(const std::filesystem::path& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.open() || ::fdatasync(file.get()) != 0) return system_failure(path, "written");
  return {};
}

Result<void> sync_directory(const std::filesystem::path& path) {
  const Descriptor directory(path, O_RDONLY | O_DIRECTORY);
  if (!directory.open() || ::fsync(directory.get()) != 0) return system_failure(path, "written");
  return {};
}

Result<FileLock> FileLock::acquire(const std::filesystem::path& path) {
  Descriptor file(path, O_RDWR | O_CREAT);
  if (!file.open()) return system_failure(path, "written");
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_failure(path, "locked");
    std::string holder;
    if (!read_all(file.get(), holder) || holder.empty()) holder = "unknown";
    return fail(ErrorCode::denied, fmt::format("{} is in use by process {}; stop it first, or use another directory",
                                               path.parent_path().string(), holder));
  }
  if (::ftruncate(file.get(), 0) != 0 || !write_all(file.get(), std::to_string(::getpid()))) {
    return system_failure(path, "written");
  }
  return FileLock(file.release());
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace gyre::storage
