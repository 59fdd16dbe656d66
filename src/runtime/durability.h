// When a write counts as persisted (PROTOCOL.md section 2).
#pragma once

#include <cstdint>

namespace gyre::runtime {

enum class Durability : std::uint8_t {
  os,        // handed to the kernel: survives the process
  everysec,  // as `os`, and synced every second
  always,    // synced first; one sync serves all writes that wait
};

}  // namespace gyre::runtime
