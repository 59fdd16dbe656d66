#include "storage/epoch_file.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/assert.h"
#include "storage/checksum_line.h"
#include "storage/files.h"

namespace gyre::storage {
namespace {

constexpr std::size_t kPlaces = 2;
constexpr std::size_t kPlaceBytes = 4096;  // a block: tearing one place leaves the other
constexpr std::size_t kFileBytes = kPlaces * kPlaceBytes;
constexpr std::string_view kHeader = "gyre map-epoch 1 ";

std::string encode_place(Epoch epoch) {
  const std::string text = fmt::format("{}{:020}\n", kHeader, epoch.value());
  return text + checksum_line(text);
}

// None: it was not written whole.
std::optional<Epoch> decode_place(std::string_view place) {
  const auto text = without_checksum(place.substr(0, encode_place(Epoch()).size()));
  std::uint64_t epoch = 0;
  if (!text || !text->starts_with(kHeader)) return std::nullopt;
  std::from_chars(text->data() + kHeader.size(), text->data() + text->size(), epoch);
  return Epoch(epoch);
}

std::size_t other_place(std::size_t place) { return (place + 1) % kPlaces; }

std::string encode_places(Epoch epoch) {
  std::string place = encode_place(epoch);
  place.resize(kPlaceBytes, '\n');
  return place + place;
}

}  // namespace

Result<EpochFile> EpochFile::open(const std::filesystem::path& path) {
  GYRE_TRY_SET(const std::optional<std::string> contents, read_file(path));
  std::optional<Epoch> newest;
  if (!contents) newest = Epoch();
  for (std::size_t place = 0; contents && contents->size() == kFileBytes && place < kPlaces; ++place) {
    const auto epoch = decode_place(std::string_view(*contents).substr(place * kPlaceBytes));
    if (epoch) newest = std::max(newest.value_or(*epoch), *epoch);
  }
  if (!newest) {
    return fail(ErrorCode::corrupt,
                fmt::format("the file {} is damaged or of another version; restore the directory from a backup, or, "
                            "where the coordinators were never set back to an older state, remove the file",
                            path.string()));
  }
  // Whatever the disk has of what was read: what the process before could not sync may be in memory alone.
  GYRE_TRY(write_file(path, encode_places(*newest)));
  return EpochFile(path, *newest);
}

Result<void> EpochFile::save(Epoch epoch) {
  GYRE_ASSERT(epoch >= epoch_);
  GYRE_TRY(overwrite(path_, other_place(synced_place_) * kPlaceBytes, encode_place(epoch)));
  epoch_ = epoch;
  synced_ = false;
  return {};
}

Result<void> EpochFile::sync() {
  if (synced_) return {};
  GYRE_TRY(sync_data(path_));
  synced_place_ = other_place(synced_place_);
  synced_ = true;
  return {};
}

}  // namespace gyre::storage
