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

// The consistency that a Get or Scan asks for; null: it is neither.
const messages::ReadConsistency* read_of(const messages::RequestBody& body);
messages::ReadConsistency* read_of(messages::RequestBody& body);
// A read that other members than the primary may serve.
bool may_spread(const messages::RequestBody& body);
// Where the member stood that gave this answer; null: it does not say.
const messages::Standing* standing_of(const messages::ResponseBody& body);

}  // namespace gyre::routing
