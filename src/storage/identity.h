// What a data directory knows about itself, and how that is written down. Internal to this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace gyre::storage {

struct Identity {
  Uuid data_id;             // made when the directory was; never changes
  NodeId node;              // never changes
  ClusterId cluster;        // empty: none yet; then never changes
  std::uint32_t stores = 0; // never changes
  Incarnation incarnation;  // of the process that opened it last
  // Goes up when acknowledged writes may have gone missing: the machine died without a clean stop, and `always_synced`
  // did not hold.
  Generation generation;
  std::string boot_id;  // of the kernel under that process; empty: not opened yet
  bool stopped_cleanly = false;
  bool always_synced = false;  // that process acknowledged a write only once it was synced
  bool lacks_writes = false;  // the generation began with a loss, and nobody has said since that all is there again

  Epoch map_epoch;  // the newest cluster map that the node has known is at least of this one; 0: none

  bool operator==(const Identity&) const = default;
};

// Lines of `name value` that people can read, and a checksum.
std::string encode(const Identity& identity);
// ERRORS: corrupt.
Result<Identity> decode_identity(std::string_view text);

}  // namespace gyre::storage
