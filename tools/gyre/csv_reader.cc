#include "tools/gyre/csv_reader.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/invalid.h"
#include "tools/gyre/encoding.h"

namespace gyre::cli {

namespace {

constexpr std::array<std::string_view, 5> kColumnNames = {"key", "key_b64", "value", "value_b64", "ttl_ms"};

// Takes a field off the front of `row`, up to the comma or the end behind it.
Result<std::string> take_field(std::string_view& row) {
  std::string field;
  if (!row.starts_with('"')) {
    const auto end = std::min(row.find(','), row.size());
    field = row.substr(0, end);
    row.remove_prefix(end);
    if (field.find('"') != std::string::npos) {
      return invalid("a quote inside an unquoted field: put the field in quotes and double the quote");
    }
    return field;
  }
  row.remove_prefix(1);
  while (true) {
    const auto quote = row.find('"');
    if (quote == std::string_view::npos) return invalid("a quote is never closed");
    field += row.substr(0, quote);
    row.remove_prefix(quote + 1);
    if (!row.starts_with('"')) break;
    field += '"';
    row.remove_prefix(1);
  }
  if (!row.empty() && row.front() != ',') return invalid("text behind a closing quote");
  return field;
}

Result<std::chrono::milliseconds> parse_ttl(std::string_view text) {
  std::int64_t ms = 0;
  const char* const end = text.data() + text.size();
  if (text.empty()) return std::chrono::milliseconds(0);
  const auto read = std::from_chars(text.data(), end, ms);
  if (read.ec != std::errc() || read.ptr != end || ms < 0) {
    return invalid(fmt::format("ttl_ms '{}' is no whole number of milliseconds", printable(text.substr(0, 40))));
  }
  return std::chrono::milliseconds(ms);
}

}  // namespace

Result<std::vector<std::string>> parse_csv_row(std::string_view row) {
  if (row.ends_with('\n')) row.remove_suffix(1);
  if (row.ends_with('\r')) row.remove_suffix(1);
  std::vector<std::string> fields;
  while (true) {
    GYRE_TRY_SET(auto field, take_field(row));
    fields.push_back(std::move(field));
    if (row.empty()) return fields;
    row.remove_prefix(1);
  }
}

Result<std::unique_ptr<RecordReader>> CsvReader::open(std::FILE* file) {
  std::unique_ptr<CsvReader> reader(new CsvReader(file));
  GYRE_TRY(reader->read_header());
  return std::unique_ptr<RecordReader>(std::move(reader));
}

Result<void> CsvReader::read_header() {
  std::string line;
  GYRE_TRY(lines_.append_line(line));
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
  GYRE_TRY_SET(const auto names, parse_csv_row(line));
  for (const auto& name : names) {
    const auto known = std::ranges::find(kColumnNames, name);
    if (known == kColumnNames.end()) {
      return invalid(
          fmt::format("line 1: unknown column '{}': the first line names the columns, such as "
                      "key,value,ttl_ms",
                      printable(name.substr(0, 40))));
    }
    const auto column = static_cast<Column>(known - kColumnNames.begin());
    if (std::ranges::count(columns_, column) > 0) return invalid(fmt::format("line 1: column '{}' twice", name));
    columns_.push_back(column);
  }
  const auto count = [&](Column a, Column b) {
    return std::ranges::count(columns_, a) + std::ranges::count(columns_, b);
  };
  if (count(Column::key, Column::key_b64) != 1) return invalid("line 1: one column 'key' (or 'key_b64') is wanted");
  if (count(Column::value, Column::value_b64) != 1) {
    return invalid("line 1: one column 'value' (or 'value_b64') is wanted");
  }
  return {};
}

// Only a quote at the beginning of a field opens it: a stray one spoils its own row and none of the rows behind it. A
// doubled quote closes the field and opens it again.
bool CsvReader::ends_inside_field(std::string_view line, bool inside) const {
  bool may_open = !inside;
  for (const char c : line) {
    const bool quote = c == '"';
    const bool closes = inside && quote;
    inside = inside ? !quote : quote && may_open;
    may_open = !inside && (closes || c == ',');
  }
  return inside;
}

Result<Record> CsvReader::parse(std::string_view text) const {
  GYRE_TRY_SET(auto fields, parse_csv_row(text));
  if (fields.size() != columns_.size()) {
    return invalid(fmt::format("{} fields where the header names {}", fields.size(), columns_.size()));
  }
  Record record;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    switch (columns_[i]) {
      case Column::key: record.key = std::move(fields[i]); break;
      case Column::value: record.value = std::move(fields[i]); break;
      case Column::key_b64: {
        GYRE_TRY_SET(record.key, base64_decode(fields[i]));
        break;
      }
      case Column::value_b64: {
        GYRE_TRY_SET(record.value, base64_decode(fields[i]));
        break;
      }
      case Column::ttl_ms: {
        GYRE_TRY_SET(record.ttl, parse_ttl(fields[i]));
        break;
      }
    }
  }
  return record;
}

}  // namespace gyre::cli
