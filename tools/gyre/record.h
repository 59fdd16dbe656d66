// A key, its value and its time to live, as `load` and `dump` move them through files.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "gyre/result.h"

namespace gyre::cli {

struct Record {
  std::string key;
  std::string value;
  std::chrono::milliseconds ttl{0};  // zero: does not expire

  bool operator==(const Record&) const = default;
};

// jsonl: one object a line, {"key","value"[,"ttl_ms"]}, with key_b64 or value_b64 for bytes that are not UTF-8.
// csv: RFC 4180 with a header of the same names in any order; a field may hold any bytes, newlines included.
enum class RecordFormat : std::uint8_t { jsonl, csv };

// By name, else (empty) by the ending of `path`; jsonl if that says nothing. ERRORS: invalid_argument.
Result<RecordFormat> format_of(std::string_view name, std::string_view path);
std::string_view to_string(RecordFormat format);

// First line of a file; empty for jsonl.
std::string_view file_header(RecordFormat format);
// Appends the record as one line (csv: one row).
void append_record(std::string& out, const Record& record, RecordFormat format);

}  // namespace gyre::cli
