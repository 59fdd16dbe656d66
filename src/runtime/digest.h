// A digest of one partition's records, by which members compare what they hold.
#pragma once

#include "messages/request.h"
#include "storage/engine.h"

namespace gyre::runtime {

// Of the records not expired at `time`: equal exactly where keys, values, versions and expiries are. Reads the disk.
// ERRORS: corrupt, storage_failed.
Result<messages::DigestResponse> digest(storage::Snapshot& snapshot, UnixMillis time);

}  // namespace gyre::runtime
