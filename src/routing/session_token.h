// A session as text: what it has seen of each partition, to be resumed by another client.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace gyre::routing {

// "gs1.CLUSTER.POSITIONS.CHECK": the cluster's id; for each partition, ascending, three varints (partitions skipped,
// term, sequence) in base64url; and eight hex digits that find damage (they prove nothing).
struct SessionToken {
  struct Seen {
    PartitionId partition;
    Position position;

    bool operator==(const Seen&) const = default;
  };
  ClusterId cluster;
  std::vector<Seen> seen;  // by partition, each once

  bool operator==(const SessionToken&) const = default;
};

std::string to_string(const SessionToken& token);
// Reads any text. ERRORS: invalid_argument.
Result<SessionToken> parse_session_token(std::string_view text);

}  // namespace gyre::routing
