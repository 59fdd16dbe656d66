#include "coordinator/file_store.h"

#include <bit>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/hash.h"
#include "storage/files.h"
#include "wire/codec.h"

namespace gyre::coordinator {

namespace {

constexpr std::string_view kMagic = "GYRESTAT";
constexpr std::uint32_t kFormat = 3;
constexpr std::uint32_t kFormatOldest = 2;  // without settings
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
  const Bytes settings = wire::encode_settings({state.policy, state.settings});
  std::string out(kMagic);
  append(out, kFormat);
  append(out, std::uint32_t{0});
  for (const Bytes* part : {&map, &placement, &settings}) append(out, std::uint64_t{part->size()});
  const std::string body = map.str() + placement.str() + settings.str();
  append(out, checksum(out, body));
  return out + body;
}

std::unexpected<Error> damaged(const std::filesystem::path& path, std::string_view how) {
  return fail(ErrorCode::corrupt,
              fmt::format("{} is damaged ({}): bring it back from a backup; nothing was changed", path.string(), how));
}

// The parts of a file and where they lie in it; a format has more of them than the one before.
struct Layout {
  static constexpr std::size_t kSizesAt = 16;

  std::size_t parts;

  std::size_t checksum_at() const { return kSizesAt + parts * sizeof(std::uint64_t); }
  std::size_t header_bytes() const { return checksum_at() + sizeof(std::uint64_t); }
};

// ERRORS: corrupt, unsupported.
Result<Layout> layout_of(const std::filesystem::path& path, std::string_view bytes) {
  if (bytes.size() < Layout::kSizesAt || !bytes.starts_with(kMagic)) {
    return damaged(path, "it does not begin as it must");
  }
  const auto format = read_at<std::uint32_t>(bytes, 8);
  if (format < kFormatOldest || format > kFormat) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("{} has format {}, this version knows only {} and {}: run the {} version that wrote it, or begin "
                    "a new cluster in an empty directory",
                    path.string(), format, kFormatOldest, kFormat, format > kFormat ? "newer" : "older"));
  }
  const Layout layout{format == kFormatOldest ? std::size_t{2} : std::size_t{3}};
  if (bytes.size() < layout.header_bytes()) return damaged(path, "it does not begin as it must");
  return layout;
}

// ERRORS: corrupt.
Result<std::vector<Bytes>> parts_of(const std::filesystem::path& path, std::string_view bytes, Layout layout) {
  std::string_view rest = bytes.substr(layout.header_bytes());
  if (read_at<std::uint64_t>(bytes, layout.checksum_at()) != checksum(bytes.substr(0, layout.checksum_at()), rest)) {
    return damaged(path, "its checksum is wrong, or it is cut off");
  }
  std::vector<Bytes> parts;
  for (std::size_t i = 0; i < layout.parts; ++i) {
    const auto size = read_at<std::uint64_t>(bytes, Layout::kSizesAt + i * sizeof(std::uint64_t));
    if (size > rest.size()) return damaged(path, "its parts are larger than it is");
    parts.push_back(Bytes::copy_of(rest.substr(0, size)));
    rest.remove_prefix(size);
  }
  if (!rest.empty()) return damaged(path, "it is longer than its parts");
  return parts;
}

Result<control::ClusterState> decode(const std::filesystem::path& path, std::string_view bytes) {
  GYRE_TRY_SET(const Layout layout, layout_of(path, bytes));
  GYRE_TRY_SET(const std::vector<Bytes> parts, parts_of(path, bytes, layout));
  const auto map = wire::decode_map(parts[0]);
  if (!map) return damaged(path, map.error().message);
  auto placement = wire::decode_placement(parts[1]);
  if (!placement) return damaged(path, placement.error().message);
  auto settings = parts.size() > 2 ? wire::decode_settings(parts[2]) : Result<wire::Settings>();
  if (!settings) return damaged(path, settings.error().message);
  control::ClusterState state;
  state.map = **map;
  state.target = *std::move(placement);
  state.settings = std::move(settings->nodes);
  state.policy = settings->policy;
  return state;
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
  stored_.reset();
  const std::filesystem::path path = dir_ / kStateFile;
  GYRE_TRY_SET(const auto bytes, storage::read_file(path));
  if (!bytes) return std::nullopt;
  GYRE_TRY_SET(stored_, decode(path, *bytes));
  return stored_;
}

Result<void> FileStore::swap(Epoch expected, const control::ClusterState& state) {
  GYRE_ASSERT(state.map.epoch > expected);
  if (!stored_) GYRE_TRY(load());
  GYRE_TRY(control::check_swap(stored_ ? &*stored_ : nullptr, expected, state));
  stored_.reset();  // until it is known that the file holds it
  GYRE_TRY(storage::write_synced(dir_ / kNewFile, encode(state)));
  if (std::error_code error; std::filesystem::rename(dir_ / kNewFile, dir_ / kStateFile, error), error) {
    return fail(ErrorCode::storage_failed,
                fmt::format("cannot replace {}: {}", (dir_ / kStateFile).string(), error.message()), Outcome::unknown);
  }
  Result<void> synced = storage::sync_directory(dir_);
  failed_ = !synced;
  if (failed_) {
    synced.error().outcome = Outcome::unknown;
  } else {
    stored_ = state;
  }
  return synced;
}

}  // namespace gyre::coordinator
