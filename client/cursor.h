// Where a scan goes on: the text of ScanPage::cursor.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"

namespace gyre::client {

// "PARTITION-HEX", the hex digits of the last key seen in that partition; none: its beginning.
struct Cursor {
  PartitionId partition;
  std::string after;
};

std::string to_string(const Cursor& cursor);
// Empty text: the beginning. ERRORS: invalid_argument.
Result<Cursor> parse_cursor(std::string_view text);

}  // namespace gyre::client
