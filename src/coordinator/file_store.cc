#include "coordinator/file_store.h"

#include <bit>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/hash.h"
#include "storage/files.h"
#include "wire/codec.h"

namespace gyre::coordinator {

namespace {

constexpr std::string_view kMagic = "GYRESTAT";
constexpr std::uint32_t kFormat = 2;
constexpr std::size_t kHeaderBytes = 40;
constexpr std::size_t kHashedHeaderBytes = 32;
constexpr const char* kStateFile = "cluster.state";
constexpr const char* kNewFile = "cluster.state.new";
constexpr const char* kLockFile = "lock";
static_assert(std::endian::native == std::endian::little, "the file is written as the memory is");

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
  if (format != kFormat) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("{} has format {}, this version knows only {}: run the {} version that wrote it, or begin a "
                    "new cluster in an empty directory",
                    path.string(), format, kFormat, format > kFormat ? "newer" : "older"));
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

}  // namespace

Result<std::unique_ptr<FileStore>> FileStore::open(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) {
    return fail(ErrorCode::storage_failed,
                fmt::format("cannot create the directory {}: {}", dir.string(), error.message()));
  }
  GYRE_TRY_SET(storage::FileLock lock, storage::FileLock::acquire(dir / kLockFile));
  auto store = std::unique_ptr<FileStore>(new FileStore(dir, std::move(lock)));
  // What load() gives must be durable, also when the last process died in a swap.
  GYRE_TRY(storage::sync_directory(dir));
  return store;
}

Result<std::optional<control::ClusterState>> FileStore::load() {
  if (failed_) {
    return fail(ErrorCode::storage_failed,
                fmt::format("a sync of {} failed: repair the disk and start the coordinator again", dir_.string()));
  }
  const std::filesystem::path path = dir_ / kStateFile;
  GYRE_TRY_SET(const auto bytes, storage::read_file(path));
  if (!bytes) return std::nullopt;
  GYRE_TRY_SET(auto state, decode(path, *bytes));
  return state;
}

Result<void> FileStore::swap(Epoch expected, const control::ClusterState& state) {
  GYRE_ASSERT(state.map.epoch > expected);
  GYRE_TRY_SET(const auto stored, load());
  GYRE_TRY(control::check_swap(stored ? &*stored : nullptr, expected, state));
  GYRE_TRY(storage::write_synced(dir_ / kNewFile, encode(state)));
  if (std::error_code error; std::filesystem::rename(dir_ / kNewFile, dir_ / kStateFile, error), error) {
    return fail(ErrorCode::storage_failed,
                fmt::format("cannot replace {}: {}", (dir_ / kStateFile).string(), error.message()), Outcome::unknown);
  }
  Result<void> synced = storage::sync_directory(dir_);
  failed_ = !synced;
  if (failed_) synced.error().outcome = Outcome::unknown;
  return synced;
}

}  // namespace gyre::coordinator
