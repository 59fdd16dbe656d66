#include "tools/gyre/record.h"

#include <fmt/format.h>

#include "tools/gyre/render.h"

namespace gyre::cli {

namespace {

void append_field(std::string& out, std::string_view field) {
  if (field.find_first_of("\",\r\n") == std::string_view::npos) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

Result<RecordFormat> format_of(std::string_view name, std::string_view path) {
  if (name == "csv" || (name.empty() && path.ends_with(".csv"))) return RecordFormat::csv;
  if (name == "jsonl" || name.empty()) return RecordFormat::jsonl;
  return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no format: use jsonl or csv", name));
}

std::string_view to_string(RecordFormat format) { return format == RecordFormat::csv ? "csv" : "jsonl"; }

std::string_view file_header(RecordFormat format) { return format == RecordFormat::csv ? "key,value,ttl_ms\r\n" : ""; }

void append_record(std::string& out, const Record& record, RecordFormat format) {
  if (format == RecordFormat::csv) {
    append_field(out, record.key);
    out += ',';
    append_field(out, record.value);
    out += ',';
    if (record.ttl.count() > 0) out += std::to_string(record.ttl.count());
    out += "\r\n";
    return;
  }
  Json json;
  set_bytes(json, "key", record.key);
  set_bytes(json, "value", record.value);
  if (record.ttl.count() > 0) json["ttl_ms"] = record.ttl.count();
  out += json.dump();
  out += '\n';
}

}  // namespace gyre::cli
