// Reads records from a file and knows where each one stands.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tools/gyre/record.h"

namespace gyre::cli {

struct RecordPlace {
  std::uint64_t offset = 0;  // bytes before it
  std::uint64_t line = 1;    // counted from 1

  bool operator==(const RecordPlace&) const = default;
};

// Lines of a file with their ends, and the place of the next one.
class LineReader {
 public:
  explicit LineReader(std::FILE* file) : file_(file) {}

  // Appends the next line to `text`. False: there is none. ERRORS: too_large, storage_failed (reading failed).
  Result<bool> append_line(std::string& text);
  // ERRORS: storage_failed (not a file one can move in).
  Result<void> seek(const RecordPlace& place);
  const RecordPlace& place() const { return place_; }

 private:
  std::FILE* file_;
  RecordPlace place_;
};

class RecordReader {
 public:
  // Reads a CSV file's header. `file` must outlive the reader. ERRORS: invalid_argument, storage_failed.
  static Result<std::unique_ptr<RecordReader>> open(std::FILE* file, RecordFormat format);
  virtual ~RecordReader() = default;

  // The next record; none at the end of the file.
  // ERRORS: invalid_argument, too_large: this record is wrong, and next() goes on behind it; storage_failed.
  Result<std::optional<Record>> next();
  // Where the record (or the error) that next() gave last begins.
  const RecordPlace& begun() const { return begun_; }
  // Where the next one begins.
  const RecordPlace& place() const { return lines_.place(); }
  // REQUIRES: `place` is one that place() gave on the same file.
  Result<void> seek(const RecordPlace& place) { return lines_.seek(place); }

 protected:
  explicit RecordReader(std::FILE* file) : lines_(file) {}

  // The line ends within a field, which goes on in the next line. `inside`: so did the line before.
  virtual bool ends_inside_field(std::string_view line, bool inside) const = 0;
  virtual Result<Record> parse(std::string_view text) const = 0;

  LineReader lines_;

 private:
  RecordPlace begun_;
};

}  // namespace gyre::cli
