// The names of what client routing keeps track of.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace gyre::routing {

using CallId = Id<struct CallTag, std::uint64_t>;         // chosen by the host; comes back with the completion
inline constexpr CallId kNobody{~std::uint64_t{0}};  // of a call of our own: nobody waits for its end
using CallSlot = Id<struct CallSlotTag, std::uint32_t>;   // place of a call that is under way; used again
using LinkId = Id<struct LinkTag, std::uint64_t>;  // one connection, from the attempt to its end; never reused
using PeerIndex = Id<struct PeerTag, std::uint32_t>;  // an address
inline constexpr PeerIndex kNoPeer{~std::uint32_t{0}};

}  // namespace gyre::routing
