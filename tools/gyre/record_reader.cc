#include "tools/gyre/record_reader.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "tools/gyre/csv_reader.h"
#include "tools/gyre/jsonl_reader.h"

namespace gyre::cli {

namespace {

// Room for a value of 16 MiB in any encoding; what is longer is taken for a file of another kind.
constexpr std::size_t kRecordBytesMax = 128 * 1024 * 1024;

bool blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

}  // namespace

Result<bool> LineReader::append_line(std::string& text) {
  const auto size_before = text.size();
  int c = 0;
  while ((c = getc_unlocked(file_)) != EOF) {
    ++place_.offset;
    if (text.size() < kRecordBytesMax) text += static_cast<char>(c);
    if (c == '\n') break;
  }
  if (c == EOF && std::ferror(file_)) {
    return fail(ErrorCode::storage_failed, fmt::format("reading failed: {}", std::strerror(errno)));
  }
  if (text.size() == size_before && c == EOF) return false;
  ++place_.line;
  if (text.size() >= kRecordBytesMax) {
    return fail(ErrorCode::too_large,
                fmt::format("longer than {} MiB (is a quote never closed?)", kRecordBytesMax / 1024 / 1024));
  }
  return true;
}

Result<void> LineReader::seek(const RecordPlace& place) {
  if (fseeko(file_, static_cast<off_t>(place.offset), SEEK_SET) != 0) {
    return fail(ErrorCode::storage_failed, fmt::format("cannot go to byte {}: {}", place.offset, std::strerror(errno)));
  }
  place_ = place;
  return {};
}

Result<std::unique_ptr<RecordReader>> RecordReader::open(std::FILE* file, RecordFormat format) {
  if (format == RecordFormat::csv) return CsvReader::open(file);
  return std::make_unique<JsonlReader>(file);
}

Result<std::optional<Record>> RecordReader::next() {
  std::string text;
  bool inside_field = false;
  while (true) {
    if (text.empty()) begun_ = lines_.place();
    const auto line_begins = text.size();
    GYRE_TRY_SET(const bool more, lines_.append_line(text));
    if (!more && text.empty()) return std::nullopt;
    const auto line = std::string_view(text).substr(line_begins);
    inside_field = ends_inside_field(line, inside_field);
    if (inside_field && more) continue;
    if (!blank(text)) {
      GYRE_TRY_SET(auto record, parse(text));
      return std::optional(std::move(record));
    }
    text.clear();
  }
}

}  // namespace gyre::cli
