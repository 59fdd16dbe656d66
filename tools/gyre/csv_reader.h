// Records as CSV. SOURCE: RFC 4180; a newline alone ends a row as well, and a byte order mark is ignored.
#pragma once

#include <vector>

#include "tools/gyre/record_reader.h"

namespace gyre::cli {

// The fields of one row, whose end may still be on it. ERRORS: invalid_argument.
Result<std::vector<std::string>> parse_csv_row(std::string_view row);

class CsvReader final : public RecordReader {
 public:
  // ERRORS: invalid_argument (no usable header), storage_failed.
  static Result<std::unique_ptr<RecordReader>> open(std::FILE* file);

 private:
  enum class Column : std::uint8_t { key, key_b64, value, value_b64, ttl_ms };

  explicit CsvReader(std::FILE* file) : RecordReader(file) {}

  Result<void> read_header();
  bool ends_inside_field(std::string_view line, bool inside) const override;
  Result<Record> parse(std::string_view text) const override;

  std::vector<Column> columns_;
};

}  // namespace gyre::cli
