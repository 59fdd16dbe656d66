#include "storage/data_directory.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/hash.h"
#include "storage/encoding.h"

namespace gyre::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLockFile = "LOCK";
constexpr std::string_view kFormatFile = "FORMAT";
constexpr std::string_view kIdentityFile = "identity";
constexpr std::string_view kEpochFile = "map-epoch";
constexpr std::string_view kMapFile = "map";
constexpr std::string_view kMapMagic = "gyre map ";
constexpr std::string_view kMapHeader = "gyre map 1\n";  // then the XXH64 of the rest, and the rest
constexpr std::size_t kMapChecksumBytes = 8;
constexpr std::string_view kFormatMagic = "gyre data format ";
constexpr const char* kBootIdFile = "/proc/sys/kernel/random/boot_id";

std::unexpected<Error> unusable(const fs::path& path, std::string_view why) {
  return fail(ErrorCode::storage_failed,
              fmt::format("the data directory {} cannot be used: {}; give this user the right to write there, or "
                          "choose another",
                          path.string(), why));
}

fs::path store_path(const fs::path& path, std::size_t index) { return path / fmt::format("store-{}", index); }

// Makes the directory if need be, and refuses one with somebody else's files before touching it.
Result<void> prepare(const fs::path& path) {
  std::error_code error;
  const bool created = fs::create_directories(path, error);
  if (error) return unusable(path, error.message());
  if (created) GYRE_TRY(sync_directory(path.parent_path()));
  if (fs::exists(path / kFormatFile, error)) return {};
  // What a creation that was interrupted may have left.
  const std::string unfinished = std::string(kFormatFile) + std::string(kTemporarySuffix);
  fs::directory_iterator entry(path, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path name = entry->path().filename();
    if (name == kLockFile || name == unfinished) continue;
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is not a Gyre data directory, but holds other files ({}); choose an empty or a new one",
                            path.string(), name.string()));
  }
  if (error) return unusable(path, error.message());
  return {};
}

// None: the directory is new. ERRORS: unsupported, corrupt, storage_failed.
Result<std::optional<std::uint32_t>> read_format(const fs::path& path) {
  GYRE_TRY_SET(const std::optional<std::string> text, read_file(path / kFormatFile));
  if (!text) return std::optional<std::uint32_t>{};
  std::uint32_t format = 0;
  if (text->starts_with(kFormatMagic)) {
    const char* begin = text->data() + kFormatMagic.size();
    std::from_chars(begin, text->data() + text->size(), format);
  }
  if (format == 0) {
    return fail(ErrorCode::corrupt,
                fmt::format("the file {} is damaged, so the data beside it cannot be trusted; restore the "
                            "directory from a backup or start with an empty one",
                            (path / kFormatFile).string()));
  }
  if (format < kDataFormat) {
    return fail(ErrorCode::unsupported,
                fmt::format("the data directory {} has format {}, and this version of Gyre reads format {} alone; "
                            "use the older version that wrote it, or start with an empty directory",
                            path.string(), format, kDataFormat));
  }
  if (format > kDataFormat) {
    return fail(ErrorCode::unsupported,
                fmt::format("the data directory {} has format {}, and this version of Gyre reads format {} alone; "
                            "start it with the newer version that wrote it",
                            path.string(), format, kDataFormat));
  }
  return std::optional(format);
}

Result<std::string> boot_id_of(const DataDirectoryOptions& options) {
  if (!options.boot_id.empty()) return options.boot_id;
  GYRE_TRY_SET(std::optional<std::string> text, read_file(kBootIdFile));
  if (!text || text->size() < 2) {
    return fail(ErrorCode::storage_failed, fmt::format("the kernel gives no boot id in {}", kBootIdFile));
  }
  text->pop_back();  // the newline
  return std::move(*text);
}

}  // namespace

Result<std::unique_ptr<DataDirectory>> DataDirectory::open(const fs::path& given, const DataDirectoryOptions& options) {
  GYRE_ASSERT(options.stores > 0);
  std::error_code error;
  const fs::path path = fs::absolute(given, error).lexically_normal();
  if (error) return unusable(given, error.message());
  GYRE_TRY(prepare(path));
  GYRE_TRY_SET(FileLock lock, FileLock::acquire(path / kLockFile));
  std::unique_ptr<DataDirectory> directory(new DataDirectory(path, std::move(lock)));
  GYRE_TRY(directory->load_or_create(options));
  GYRE_TRY(directory->check_identity(options));
  GYRE_TRY(directory->load_epoch());
  GYRE_TRY(directory->start(options));
  return directory;
}

// Creation in this order: FORMAT, identity, map-epoch, stores. So what an interrupted one leaves is recognised and
// finished.
Result<void> DataDirectory::load_or_create(const DataDirectoryOptions& options) {
  GYRE_TRY_SET(const std::optional<std::uint32_t> format, read_format(path_));
  if (!format) GYRE_TRY(write_file(path_ / kFormatFile, fmt::format("{}{}\n", kFormatMagic, kDataFormat)));

  GYRE_TRY_SET(const std::optional<std::string> text, read_file(path_ / kIdentityFile));
  if (text) {
    Result<Identity> identity = decode_identity(*text);
    if (!identity) {
      return fail(ErrorCode::corrupt,
                  fmt::format("the identity of the data directory {} is damaged ({}); restore the directory "
                              "from a backup or start with an empty one",
                              path_.string(), identity.error().message));
    }
    identity_ = std::move(*identity);
    return {};
  }
  std::error_code error;
  if (fs::exists(store_path(path_, 0), error)) {
    return fail(ErrorCode::corrupt,
                fmt::format("the data directory {} has lost its file `{}`, so nobody knows whose data it holds; "
                            "restore it from a backup or start with an empty directory",
                            path_.string(), kIdentityFile));
  }
  return save({.data_id = Uuid::from_words(options.random[0], options.random[1]),
               .node = options.node,
               .cluster = options.cluster,
               .stores = options.stores,
               .incarnation = {},
               .generation = Generation(1),
               .boot_id = {},
               .stopped_cleanly = false,
               .always_synced = false,
               .lacks_writes = false,
               .map_epoch = {}});
}

Result<void> DataDirectory::check_identity(const DataDirectoryOptions& options) const {
  if (identity_.node != options.node) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the data directory {} belongs to node {}, not to {}; give the node its own directory",
                            path_.string(), identity_.node.str(), options.node.str()));
  }
  if (!options.cluster.empty() && !identity_.cluster.empty() && identity_.cluster != options.cluster) {
    return fail(ErrorCode::wrong_cluster,
                fmt::format("the data directory {} belongs to cluster {}, not to {}; use it with its own "
                            "cluster, or start with an empty directory",
                            path_.string(), identity_.cluster.str(), options.cluster.str()));
  }
  return {};
}

Result<void> DataDirectory::load_epoch() {
  GYRE_TRY_SET(epoch_file_, EpochFile::open(path_ / kEpochFile));
  identity_.map_epoch = std::max(identity_.map_epoch, epoch_file_->epoch());
  return {};
}

// The new boot id is written only once the stores have been opened under the old one's terms: whoever is interrupted
// here finds the same facts again.
Result<void> DataDirectory::start(const DataDirectoryOptions& options) {
  GYRE_TRY_SET(const std::string boot_id, boot_id_of(options));
  const bool never_opened = identity_.boot_id.empty();
  const bool machine_died = !never_opened && !identity_.stopped_cleanly && identity_.boot_id != boot_id;

  const BlockCache cache = make_block_cache(options.cache_bytes);
  for (std::size_t i = 0; i < identity_.stores; ++i) {
    GYRE_TRY_SET(auto engine,
                 RocksEngine::open(store_path(path_, i).string(), {.cache = cache,
                                                                   .memtable_bytes = options.memtable_bytes,
                                                                   .log_bytes = options.log_bytes / identity_.stores,
                                                                   .create = never_opened,
                                                                   .machine_died = machine_died,
                                                                   .boot_id = boot_id}));
    engines_.push_back(std::move(engine));
  }

  Identity next = identity_;
  if (next.cluster.empty()) next.cluster = options.cluster;
  next.incarnation = next.incarnation.next();
  if (machine_died && !identity_.always_synced) {
    next.generation = next.generation.next();
    next.lacks_writes = true;
  }
  next.always_synced = options.always_synced;  // holds for what is there, too: opening a store syncs what it recovers
  next.boot_id = boot_id;
  next.stopped_cleanly = false;
  return save(next);
}

Result<void> DataDirectory::adopt_map(const ClusterId& cluster, Epoch epoch) {
  GYRE_ASSERT(!cluster.empty());
  if (!identity_.cluster.empty() && identity_.cluster != cluster) {
    return fail(ErrorCode::wrong_cluster,
                fmt::format("the data directory {} belongs to cluster {} and cannot join {}; start with an "
                            "empty directory",
                            path_.string(), identity_.cluster.str(), cluster.str()));
  }
  if (epoch < identity_.map_epoch) {
    return fail(ErrorCode::stale_map,
                fmt::format("the cluster map of epoch {} is older than epoch {}, which this node has known",
                            epoch.value(), identity_.map_epoch.value()));
  }
  if (identity_.cluster != cluster) {
    Identity next = identity_;
    next.cluster = cluster;
    next.map_epoch = epoch;
    return save(next);
  }
  if (identity_.map_epoch == epoch) return {};
  GYRE_TRY(epoch_file_->save(epoch));
  if (identity_.always_synced) GYRE_TRY(epoch_file_->sync());
  identity_.map_epoch = epoch;
  return {};
}

Result<void> DataDirectory::sync_epoch() { return epoch_file_->sync(); }

Result<void> DataDirectory::keep_map(std::string_view map) {
  std::string text(kMapHeader);
  put_u64(text, hash64(map));
  text += map;
  return write_file(path_ / kMapFile, text);
}

Result<std::optional<std::string>> DataDirectory::kept_map() const {
  GYRE_TRY_SET(std::optional<std::string> text, read_file(path_ / kMapFile));
  if (!text) return std::optional<std::string>{};
  const std::size_t begin = kMapHeader.size() + kMapChecksumBytes;
  if (text->starts_with(kMapHeader) && text->size() >= begin) {
    std::string checksum;
    put_u64(checksum, hash64(std::string_view(*text).substr(begin)));
    if (std::string_view(*text).substr(kMapHeader.size(), kMapChecksumBytes) == checksum) {
      return std::optional(text->substr(begin));
    }
  } else if (text->starts_with(kMapMagic) && !text->starts_with(kMapHeader)) {
    return fail(ErrorCode::unsupported,
                fmt::format("the map in {} is of another version", (path_ / kMapFile).string()));
  }
  return fail(ErrorCode::corrupt, fmt::format("the file {} is damaged", (path_ / kMapFile).string()));
}

Result<void> DataDirectory::caught_up() {
  if (!identity_.lacks_writes) return {};
  Identity next = identity_;
  next.lacks_writes = false;
  return save(next);
}

Result<void> DataDirectory::close() {
  for (const std::unique_ptr<RocksEngine>& engine : engines_) GYRE_TRY(engine->sync());
  engines_.clear();
  Identity next = identity_;
  next.stopped_cleanly = true;
  return save(next);
}

Result<void> DataDirectory::save(const Identity& identity) {
  GYRE_TRY(write_file(path_ / kIdentityFile, encode(identity)));
  identity_ = identity;
  return {};
}

}  // namespace gyre::storage
