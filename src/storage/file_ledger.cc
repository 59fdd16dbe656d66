// The ledger in a file: a heading, then records in frames. Ledgers only grow.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/limits.h"
#include "storage/files.h"
#include "storage/ledger.h"
#include "storage/ledger_records.h"
#include "storage/loss_index.h"

namespace gyre::storage {
namespace {

constexpr std::string_view kFile = "ledger";
constexpr std::string_view kHeading = "gyre ledger 1\n";
constexpr std::string_view kHeadingOfAnyFormat = "gyre ledger ";

// THREAD: any; one call waits for the other.
//
// INVARIANT: what lies before `size_` is whole and synced, and all of it is in `index_`.
class FileLedger final : public Ledger {
 public:
  FileLedger(std::filesystem::path path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~FileLedger() override { ::close(descriptor_); }

  // Reads the whole file, and cuts off what an append left unfinished. ERRORS: corrupt, storage_failed, unsupported.
  Result<void> load();

  Result<void> append(std::span<const messages::Loss> losses, UnixMillis now) override;
  Result<void> mark_reapplied(PartitionId partition, std::span<const messages::Retried> retries) override;
  std::map<PartitionId, std::vector<messages::LostId>> lost_ids() const override;
  Result<messages::LostResponse> page(std::uint64_t after, std::size_t items_max) const override;

 private:
  struct Frame {
    LedgerFrame head;
    std::string record;
  };

  std::unexpected<Error> system_failure(std::string_view what) const;
  std::unexpected<Error> damaged(std::uint64_t place) const;
  // Up to `bytes`, fewer at the file's end. ERRORS: storage_failed.
  Result<std::string> read(std::uint64_t place, std::size_t bytes) const;
  // None: there is no whole frame. ERRORS: storage_failed.
  Result<std::optional<Frame>> read_frame(std::uint64_t place, std::uint64_t file_bytes) const;
  Result<bool> appended_after(std::uint64_t place, std::uint64_t file_bytes) const;
  Result<void> take(const Frame& frame);
  Result<void> write(std::string_view frames);

  const std::filesystem::path path_;
  const int descriptor_;
  mutable std::mutex mutex_;
  std::uint64_t size_ = 0;
  bool broken_ = false;  // nobody knows what lies behind size_
  LossIndex index_;
  std::vector<std::uint64_t> places_;  // of the entries' frames
};

std::unexpected<Error> FileLedger::system_failure(std::string_view what) const {
  return fail(ErrorCode::storage_failed,
              fmt::format("{} cannot be {}: {}", path_.string(), what, std::strerror(errno)));
}

std::unexpected<Error> FileLedger::damaged(std::uint64_t place) const {
  return fail(ErrorCode::corrupt,
              fmt::format("the loss ledger {} is damaged at byte {}; restore it from a backup, or move it away to "
                          "start a new one (what it lists can then not be replayed)",
                          path_.string(), place));
}

Result<std::string> FileLedger::read(std::uint64_t place, std::size_t bytes) const {
  std::string read(bytes, '\0');
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t size = ::pread(descriptor_, read.data() + done, bytes - done, static_cast<off_t>(place + done));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_failure("read");
    if (size == 0) break;
    done += static_cast<std::size_t>(size);
  }
  read.resize(done);
  return read;
}

Result<std::optional<FileLedger::Frame>> FileLedger::read_frame(std::uint64_t place, std::uint64_t file_bytes) const {
  GYRE_TRY_SET(const std::string head, read(place, LedgerFrame::kHeadBytes));
  if (head.size() < LedgerFrame::kHeadBytes) return std::optional<Frame>{};
  const std::optional<LedgerFrame> decoded = decode_frame_head(head);
  if (!decoded || decoded->bytes > file_bytes - place - LedgerFrame::kHeadBytes) return std::optional<Frame>{};
  GYRE_TRY_SET(std::string record, read(place + LedgerFrame::kHeadBytes, decoded->bytes));
  if (record.size() < decoded->bytes || !intact(*decoded, record)) return std::optional<Frame>{};
  return std::optional(Frame{*decoded, std::move(record)});
}

// Whether something behind `place` was appended by a call that began behind it, so that what is at `place` had been
// synced. The machine's death may leave any part of the last append in the file, but nothing of a later one.
Result<bool> FileLedger::appended_after(std::uint64_t place, std::uint64_t file_bytes) const {
  constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
  constexpr std::size_t kOverlap = LedgerFrame::kMagic.size() - 1;
  for (std::uint64_t begin = place + 1; begin < file_bytes; begin += kChunkBytes) {
    GYRE_TRY_SET(const std::string chunk, read(begin, kChunkBytes + kOverlap));
    for (std::size_t at = chunk.find(LedgerFrame::kMagic); at != std::string::npos;
         at = chunk.find(LedgerFrame::kMagic, at + 1)) {
      GYRE_TRY_SET(const std::optional<Frame> frame, read_frame(begin + at, file_bytes));
      if (frame && frame->head.batch > place) return true;
    }
  }
  return false;
}

// Adds the frame at size_ to the index.
Result<void> FileLedger::take(const Frame& frame) {
  GYRE_TRY_SET(const LedgerRecord record, decode_ledger_record(frame.record));
  if (const auto* item = std::get_if<messages::LostItem>(&record)) {
    if (item->id != places_.size() + 1 || index_.find(item->loss) != 0) return damaged(size_);
    index_.add(item->loss);
    places_.push_back(size_);
  } else {
    for (const std::uint64_t entry : std::get<ReappliedRecord>(record).entries) {
      if (entry == 0 || entry > index_.size()) return damaged(size_);
      index_.mark(entry);
    }
  }
  size_ += LedgerFrame::kHeadBytes + frame.record.size();
  return {};
}

Result<void> FileLedger::load() {
  struct stat about{};
  if (::fstat(descriptor_, &about) != 0) return system_failure("read");
  const auto file_bytes = static_cast<std::uint64_t>(about.st_size);
  GYRE_TRY_SET(const std::string heading, read(0, kHeading.size()));
  if (heading != kHeading) {
    if (!heading.starts_with(kHeadingOfAnyFormat)) return damaged(0);
    return fail(ErrorCode::unsupported, fmt::format("the loss ledger {} was written by another version of Gyre; start "
                                                    "this node with that version",
                                                    path_.string()));
  }
  size_ = kHeading.size();
  while (size_ < file_bytes) {
    GYRE_TRY_SET(const std::optional<Frame> frame, read_frame(size_, file_bytes));
    if (frame) {
      GYRE_TRY(take(*frame));
      continue;
    }
    GYRE_TRY_SET(const bool was_synced, appended_after(size_, file_bytes));
    if (was_synced) return damaged(size_);
    if (::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0 || ::fsync(descriptor_) != 0) {
      return system_failure("written");
    }
    return {};
  }
  return {};
}

// What a failed write leaves is taken back; behind a failed sync nothing is known.
Result<void> FileLedger::write(std::string_view frames) {
  if (broken_) {
    return fail(ErrorCode::storage_failed,
                fmt::format("the loss ledger {} could not be written before; restart the node", path_.string()));
  }
  std::size_t done = 0;
  while (done < frames.size()) {
    const ssize_t size =
        ::pwrite(descriptor_, frames.data() + done, frames.size() - done, static_cast<off_t>(size_ + done));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      const auto failure = system_failure("written");
      broken_ = ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0;
      return failure;
    }
    done += static_cast<std::size_t>(size);
  }
  if (::fdatasync(descriptor_) != 0) {
    broken_ = true;
    return system_failure("written");
  }
  return {};
}

Result<void> FileLedger::append(std::span<const messages::Loss> losses, UnixMillis now) {
  const std::lock_guard lock(mutex_);
  LossIndex added;
  std::string frames;
  std::vector<std::uint64_t> places;
  std::vector<const messages::Loss*> entries;
  for (const messages::Loss& loss : losses) {
    if (index_.find(loss) != 0 || added.find(loss) != 0) continue;
    added.add(loss);
    entries.push_back(&loss);
    places.push_back(size_ + frames.size());
    frames += frame(encode(messages::LostItem{index_.size() + added.size(), now, loss}), size_);
  }
  if (entries.empty()) return {};
  GYRE_TRY(write(frames));
  for (const messages::Loss* loss : entries) index_.add(*loss);
  places_.insert(places_.end(), places.begin(), places.end());
  size_ += frames.size();
  return {};
}

Result<void> FileLedger::mark_reapplied(PartitionId partition, std::span<const messages::Retried> retries) {
  const std::lock_guard lock(mutex_);
  const std::vector<std::uint64_t> entries = index_.unmarked(partition, retries);
  if (entries.empty()) return {};
  const std::string framed = frame(encode(ReappliedRecord{entries}), size_);
  GYRE_TRY(write(framed));
  for (const std::uint64_t entry : entries) index_.mark(entry);
  size_ += framed.size();
  return {};
}

std::map<PartitionId, std::vector<messages::LostId>> FileLedger::lost_ids() const {
  const std::lock_guard lock(mutex_);
  return index_.lost_ids();
}

Result<messages::LostResponse> FileLedger::page(std::uint64_t after, std::size_t items_max) const {
  const std::lock_guard lock(mutex_);
  messages::LostResponse page;
  std::size_t bytes = 0;
  for (std::uint64_t before = after; before < index_.size(); ++before) {
    const std::uint64_t entry = before + 1;
    const std::uint64_t place = places_[before];
    GYRE_TRY_SET(const std::optional<Frame> frame, read_frame(place, size_));
    if (!frame) return damaged(place);
    // One entry may be as large as a frame: it has a page for itself.
    const bool fits = page.items.empty() || bytes + frame->record.size() <= limits::kScanBytesMax;
    if (page.items.size() >= items_max || !fits) {
      page.more = true;
      break;
    }
    GYRE_TRY_SET(LedgerRecord record, decode_ledger_record(frame->record));
    auto* item = std::get_if<messages::LostItem>(&record);
    if (item == nullptr) return damaged(place);
    if (auto* write = std::get_if<messages::LostWrite>(&item->loss)) write->reapplied = index_.reapplied(entry);
    bytes += frame->record.size();
    page.items.push_back(std::move(*item));
  }
  return page;
}

}  // namespace

Result<std::unique_ptr<Ledger>> open_ledger(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / kFile;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) GYRE_TRY(write_file(path, kHeading));
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) {
    return fail(ErrorCode::storage_failed, fmt::format("{} cannot be opened: {}", path.string(), std::strerror(errno)));
  }
  auto ledger = std::make_unique<FileLedger>(path, descriptor);
  GYRE_TRY(ledger->load());
  return ledger;
}

}  // namespace gyre::storage
