// Which partition a request is for.
#pragma once

#include "base/ids.h"
#include "gyre/result.h"
#include "messages/request.h"
#include "ring/slot.h"

namespace gyre::routing {

// A request that one partition serves: Get, Scan, or Write of at least one operation.
bool has_partition(const messages::RequestBody& body);

// REQUIRES: has_partition(body).
// ERRORS: invalid_argument (no such partition, or a batch whose keys live in more than one).
Result<PartitionId> partition_of(const messages::RequestBody& body, const ring::Partitioning& partitioning);

}  // namespace gyre::routing
