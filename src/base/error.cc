// Definitions of the public value types in include/gyre/.
#include "gyre/error.h"

#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "gyre/types.h"

namespace gyre {

namespace {

constexpr std::array kNames = {
    std::pair{ErrorCode::not_found, "not_found"},
    std::pair{ErrorCode::condition_failed, "condition_failed"},
    std::pair{ErrorCode::session_lost, "session_lost"},
    std::pair{ErrorCode::denied, "denied"},
    std::pair{ErrorCode::not_primary, "not_primary"},
    std::pair{ErrorCode::stale_map, "stale_map"},
    std::pair{ErrorCode::stale_term, "stale_term"},
    std::pair{ErrorCode::behind, "behind"},
    std::pair{ErrorCode::busy, "busy"},
    std::pair{ErrorCode::unavailable, "unavailable"},
    std::pair{ErrorCode::no_replicas, "no_replicas"},
    std::pair{ErrorCode::timeout, "timeout"},
    std::pair{ErrorCode::outcome_unknown, "outcome_unknown"},
    std::pair{ErrorCode::invalid_argument, "invalid_argument"},
    std::pair{ErrorCode::too_large, "too_large"},
    std::pair{ErrorCode::unsupported, "unsupported"},
    std::pair{ErrorCode::corrupt, "corrupt"},
    std::pair{ErrorCode::storage_failed, "storage_failed"},
    std::pair{ErrorCode::wrong_cluster, "wrong_cluster"},
    std::pair{ErrorCode::internal, "internal"},
};

}  // namespace

std::string_view to_string(ErrorCode code) {
  for (const auto& [known, name] : kNames) {
    if (known == code) return name;
  }
  return "internal";
}

std::optional<ErrorCode> error_code_of(std::string_view name) {
  for (const auto& [code, known] : kNames) {
    if (known == name) return code;
  }
  return std::nullopt;
}

ErrorCode error_code_of(std::uint16_t number) {
  for (const auto& [code, name] : kNames) {
    if (std::to_underlying(code) == number) return code;
  }
  return ErrorCode::internal;
}

std::string Error::to_string() const {
  std::string text = fmt::format("{}: {}", gyre::to_string(code), message);
  if (retry_after.count() > 0) text += fmt::format(" (retry after {} ms)", retry_after.count());
  return text;
}

std::string to_string(const Version& version) { return fmt::format("{}:{}", version.term, version.sequence); }

Result<Version> parse_version(std::string_view text) {
  Version version;
  const char* const end = text.data() + text.size();
  const auto term = std::from_chars(text.data(), end, version.term);
  if (term.ec == std::errc() && term.ptr != end && *term.ptr == ':') {
    const auto sequence = std::from_chars(term.ptr + 1, end, version.sequence);
    if (sequence.ec == std::errc() && sequence.ptr == end) return version;
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no version: TERM:SEQUENCE is wanted, such as 3:1042", text.substr(0, 80)));
}

}  // namespace gyre
