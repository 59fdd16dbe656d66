// Strings as Redis dumps them: what DUMP gives and RESTORE takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "redis/reply.h"

namespace gyre::redis {

// The payload of one string: type, contents, version and checksum. Numbers of up to 32 bits are packed; nothing is
// compressed, which Redis does by its own choice as well.
// SOURCE: Redis 7.0, rdb.c and cluster.c (createDumpPayload).
std::string dump_string(std::string_view value);

// ERRORS, in Redis's words: a wrong checksum or a version of later than 7.4; no string at all; and what is longer than
// `bytes_max`, before any memory is taken for it.
Parsed<std::string> restore_string(std::string_view payload, std::size_t bytes_max);

// CRC-64 of Jones, reflected, as Redis has it.
std::uint64_t crc64(std::string_view bytes);

}  // namespace gyre::redis
