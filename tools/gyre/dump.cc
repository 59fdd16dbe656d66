#include "tools/gyre/dump.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "tools/gyre/interrupt.h"
#include "tools/gyre/transfer.h"

namespace gyre::cli {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kPause = 200ms;

Result<ScanPage> fetch_page(Client& client, const ScanOptions& options, const std::string& cursor) {
  const auto give_up = Clock::now() + kTransferPatience;
  while (true) {
    auto page = client.scan(options, cursor);
    if (page || interrupted() || !passing(page.error().code) || Clock::now() > give_up) return page;
    const bool busy = page.error().code == ErrorCode::busy;
    std::this_thread::sleep_for(busy ? std::max<Clock::duration>(kPause, page.error().retry_after) : kPause);
  }
}

Error write_error() {
  return Error{ErrorCode::storage_failed,
               Outcome::not_applied,
               fmt::format("cannot write the dump: {}", std::strerror(errno)),
               {}};
}

bool write_all(std::FILE* out, std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), out) == text.size();
}

}  // namespace

DumpReport dump_records(Client& client, const std::string& prefix, RecordFormat format, std::FILE* out,
                        const std::function<void(const DumpReport&)>& on_progress) {
  DumpReport report;
  std::string cursor;
  std::string text(file_header(format));
  do {
    auto page = fetch_page(client, ScanOptions{.prefix = prefix}, cursor);
    report.interrupted = interrupted();
    if (!page && !report.interrupted) report.error = page.error();
    if (!page || report.interrupted) return report;
    for (auto& [key, value] : page->items) {
      // What is about to expire is still written as expiring: zero would mean "never".
      const auto ttl = value.ttl ? std::max(*value.ttl, 1ms) : 0ms;
      append_record(text, Record{std::move(key), std::move(value.data), ttl}, format);
    }
    if (!write_all(out, text)) {
      report.error = write_error();
      return report;
    }
    report.records += page->items.size();
    report.bytes += text.size();
    text.clear();
    cursor = std::move(page->cursor);
    on_progress(report);
  } while (!cursor.empty());
  if (std::fflush(out) != 0) report.error = write_error();
  return report;
}

Result<AtomicFile> AtomicFile::create(std::string path) {
  struct stat status{};
  const bool exists = stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) {
    return fail(ErrorCode::invalid_argument, fmt::format("cannot write {}: it is a directory", path));
  }
  AtomicFile file(std::move(path), exists && !S_ISREG(status.st_mode));
  file.stream_ = std::fopen(file.in_place_ ? file.path_.c_str() : file.temporary().c_str(), "wb");
  if (file.stream_ == nullptr) {
    return fail(ErrorCode::invalid_argument, fmt::format("cannot write {}: {}", file.path_, std::strerror(errno)));
  }
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)), in_place_(other.in_place_), stream_(std::exchange(other.stream_, nullptr)) {}

AtomicFile::~AtomicFile() {
  if (stream_ == nullptr) return;
  std::fclose(stream_);
  if (!in_place_) std::remove(temporary().c_str());
}

Result<void> AtomicFile::commit() {
  const bool synced = std::fflush(stream_) == 0 && (in_place_ || fsync(fileno(stream_)) == 0);
  const bool closed = std::fclose(std::exchange(stream_, nullptr)) == 0;
  if (synced && closed && (in_place_ || std::rename(temporary().c_str(), path_.c_str()) == 0)) return {};
  const int reason = errno;
  if (!in_place_) std::remove(temporary().c_str());
  return fail(ErrorCode::storage_failed, fmt::format("cannot write {}: {}", path_, std::strerror(reason)));
}

}  // namespace gyre::cli
