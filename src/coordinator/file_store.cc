#include "coordinator/file_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/hash.h"
#include "wire/codec.h"

namespace gyre::coordinator {

namespace {

constexpr std::string_view kMagic = "GYRESTAT";
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kHeaderBytes = 40;
constexpr std::size_t kHashedHeaderBytes = 32;
constexpr const char* kStateFile = "cluster.state";
constexpr const char* kNewFile = "cluster.state.new";
constexpr const char* kLockFile = "lock";
static_assert(std::endian::native == std::endian::little, "the file is written as the memory is");

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Of the system call that has just failed.
std::unexpected<Error> system_error(const std::filesystem::path& path, const char* action) {
  return fail(ErrorCode::storage_failed,
              fmt::format("cannot {} {}: {}", action, path.string(), std::generic_category().message(errno)),
              Outcome::unknown);
}

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T read_at(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

std::uint64_t checksum(std::string_view hashed_header, std::string_view body) {
  return hash64(body, hash64(hashed_header));
}

std::string encode(const control::ClusterState& state) {
  const Bytes map = wire::encode_map(state.map);
  const Bytes placement = wire::encode_placement(state.target);
  std::string out(kMagic);
  append(out, kFormat);
  append(out, std::uint32_t{0});
  append(out, std::uint64_t{map.size()});
  append(out, std::uint64_t{placement.size()});
  const std::string body = map.str() + placement.str();
  append(out, checksum(out, body));
  GYRE_ASSERT(out.size() == kHeaderBytes);
  return out + body;
}

std::unexpected<Error> damaged(const std::filesystem::path& path, std::string_view how) {
  return fail(ErrorCode::corrupt,
              fmt::format("{} is damaged ({}): bring it back from a backup; nothing was changed", path.string(), how));
}

Result<control::ClusterState> decode(const std::filesystem::path& path, std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || !bytes.starts_with(kMagic)) return damaged(path, "it does not begin as it must");
  const auto format = read_at<std::uint32_t>(bytes, 8);
  if (format > kFormat) {
    return fail(ErrorCode::unsupported,
                fmt::format("{} has format {}, this version knows up to {}: run the newer version that wrote it",
                            path.string(), format, kFormat));
  }
  const std::string_view body = bytes.substr(kHeaderBytes);
  const auto map_bytes = read_at<std::uint64_t>(bytes, 16);
  const auto placement_bytes = read_at<std::uint64_t>(bytes, 24);
  if (map_bytes > body.size() || placement_bytes != body.size() - map_bytes) return damaged(path, "it is cut off");
  if (read_at<std::uint64_t>(bytes, 32) != checksum(bytes.substr(0, kHashedHeaderBytes), body)) {
    return damaged(path, "its checksum is wrong");
  }
  const auto map = wire::decode_map(Bytes::copy_of(body.substr(0, map_bytes)));
  if (!map) return damaged(path, map.error().message);
  auto placement = wire::decode_placement(Bytes::copy_of(body.substr(map_bytes)));
  if (!placement) return damaged(path, placement.error().message);
  return control::ClusterState{**map, std::move(*placement)};
}

Result<void> write_synced(const std::filesystem::path& path, std::string_view bytes) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file.valid()) return system_error(path, "create");
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_error(path, "write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) return system_error(path, "sync");
  return {};
}

Result<void> sync_directory(const std::filesystem::path& dir) {
  const FileDescriptor directory(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || ::fsync(directory.get()) != 0) return system_error(dir, "sync");
  return {};
}

// Gives the descriptor that holds the lock.
Result<int> take_lock(const std::filesystem::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.valid()) return system_error(path, "create");
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_error(path, "lock");
    std::array<char, 32> owner{};
    const ssize_t size = ::pread(file.get(), owner.data(), owner.size(), 0);
    return fail(ErrorCode::denied,
                fmt::format("{} is in use by another coordinator (process {}): stop it, or choose another directory",
                            path.parent_path().string(),
                            std::string_view(owner.data(), size > 0 ? static_cast<std::size_t>(size) : 0)));
  }
  const std::string self = std::to_string(::getpid());
  if (::ftruncate(file.get(), 0) != 0 || ::pwrite(file.get(), self.data(), self.size(), 0) < 0) {
    return system_error(path, "write");
  }
  return file.release();
}

}  // namespace

Result<std::unique_ptr<FileStore>> FileStore::open(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) {
    return fail(ErrorCode::storage_failed,
                fmt::format("cannot create the directory {}: {}", dir.string(), error.message()));
  }
  GYRE_TRY_SET(const int lock, take_lock(dir / kLockFile));
  auto store = std::unique_ptr<FileStore>(new FileStore(dir, lock));
  GYRE_TRY(sync_directory(dir));  // what load() gives must be durable, also when the last process died in a swap
  return store;
}

FileStore::~FileStore() { ::close(lock_); }

Result<std::optional<control::ClusterState>> FileStore::load() {
  if (failed_) {
    return fail(ErrorCode::storage_failed,
                fmt::format("a sync of {} failed: repair the disk and start the coordinator again", dir_.string()));
  }
  const std::filesystem::path path = dir_ / kStateFile;
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file.good() && !file.eof()) return system_error(path, "read");
  GYRE_TRY_SET(auto state, decode(path, bytes));
  return state;
}

Result<void> FileStore::swap(Epoch expected, const control::ClusterState& state) {
  GYRE_ASSERT(state.map.epoch > expected);
  GYRE_TRY_SET(const auto stored, load());
  GYRE_TRY(control::check_swap(stored ? &*stored : nullptr, expected, state));
  GYRE_TRY(write_synced(dir_ / kNewFile, encode(state)));
  if (::rename((dir_ / kNewFile).c_str(), (dir_ / kStateFile).c_str()) != 0) {
    return system_error(dir_ / kStateFile, "replace");
  }
  const auto synced = sync_directory(dir_);
  failed_ = !synced;
  return synced;
}

}  // namespace gyre::coordinator
