// A text file's last line, which tells whether the rest is as it was written. Internal to this folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/hash.h"

namespace gyre::storage {

inline constexpr std::string_view kChecksum = "checksum ";

inline std::string checksum_line(std::string_view text) { return fmt::format("{}{:016x}\n", kChecksum, hash64(text)); }

// What stands before the last line. None: there is none such, or it is of another text.
inline std::optional<std::string_view> without_checksum(std::string_view text) {
  const std::size_t at = text.rfind(kChecksum);
  if (at == std::string_view::npos || text.substr(at) != checksum_line(text.substr(0, at))) return std::nullopt;
  return text.substr(0, at);
}

}  // namespace gyre::storage
