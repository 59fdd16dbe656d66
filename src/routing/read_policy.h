// Which member takes a read, of those that may serve it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/rng.h"
#include "base/time.h"
#include "routing/ids.h"

namespace gyre::routing {

class Peers;
struct PartitionRoute;

enum class ReadPolicy : std::uint8_t {
  latency,            // the better of two random ones, by what they are expected to take (Mitzenmacher 2001)
  least_outstanding,  // the one with the fewest open calls of ours
  round_robin,        // one after the other
  weighted,           // at random, as often as its weight says
  sticky,             // the same for each caller, as often over all callers as its weight says
};

std::string_view to_string(ReadPolicy policy);

// By `policy`, one of the members whose bit in `tried` is not set; `affinity` names the caller. Members that are down,
// drained or far are passed over while there is another. kNoPeer: none is left.
PeerIndex choose_member(Instant now, PartitionRoute& route, std::uint32_t tried, const Peers& peers, ReadPolicy policy,
                        std::uint64_t affinity, Rng& rng);

}  // namespace gyre::routing
