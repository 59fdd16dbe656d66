#include "client/cursor.h"

#include <charconv>

#include <fmt/format.h>

#include "base/limits.h"

namespace gyre::client {

std::string to_string(const Cursor& cursor) {
  std::string text = fmt::format("{}-", cursor.partition.value());
  for (const char c : cursor.after) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

Result<Cursor> parse_cursor(std::string_view text) {
  Cursor cursor;
  if (text.empty()) return cursor;
  const auto invalid = [&] {
    return fail(ErrorCode::invalid_argument, "this is no scan cursor; pass ScanPage::cursor unchanged");
  };
  const char* const end = text.data() + text.size();
  std::uint16_t partition = 0;
  const auto [dash, error] = std::from_chars(text.data(), end, partition);
  if (error != std::errc() || dash == end || *dash != '-') return invalid();
  if (partition >= limits::kSlots || (end - dash) % 2 != 1) return invalid();
  for (const char* digits = dash + 1; digits != end; digits += 2) {
    unsigned char byte = 0;
    if (std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) return invalid();
    cursor.after.push_back(static_cast<char>(byte));
  }
  cursor.partition = PartitionId(partition);
  return cursor;
}

}  // namespace gyre::client
