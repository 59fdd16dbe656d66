// What is in a ledger's file, and in the frame around each record (FORMAT.md). Internal to this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gyre/result.h"
#include "messages/request.h"

namespace gyre::storage {

// Retries of the writes in these entries have survived.
struct ReappliedRecord {
  std::vector<std::uint64_t> entries;
};

using LedgerRecord = std::variant<messages::LostItem, ReappliedRecord>;

std::string encode(const LedgerRecord& record);
// ERRORS: corrupt.
Result<LedgerRecord> decode_ledger_record(std::string_view stored);

// What stands before each record.
struct LedgerFrame {
  static constexpr std::string_view kMagic = "GyLr";
  static constexpr std::size_t kHeadBytes = 4 + 3 * 8;

  std::uint64_t bytes = 0;     // of the record
  std::uint64_t batch = 0;     // place in the file where the append began that wrote it
  std::uint64_t checksum = 0;  // XXH64 of the two above and the record
};

std::string frame(std::string_view record, std::uint64_t batch);
// None: it is no head of a frame. REQUIRES: kHeadBytes of it.
std::optional<LedgerFrame> decode_frame_head(std::string_view head);
bool intact(const LedgerFrame& head, std::string_view record);

}  // namespace gyre::storage
