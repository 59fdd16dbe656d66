// Memory that is ready before it is needed.
#pragma once

#include <cstddef>

#include "gyre/result.h"

namespace gyre::node {

// The kernel clears a huge page when somebody first writes to it, and a virtual machine may have to get it from its
// host before: milliseconds in which an event loop would serve nobody. From now on what jemalloc's arena of this thread
// grows by was written to before, by a thread that stays a few huge pages ahead. Not so: blocks of more than 1.75 MiB,
// and what had been given back to the kernel.
//
// For the life of the process. ERRORS: unsupported (the reason; nothing changes).
Result<void> keep_memory_ready();

// Bytes that are ready now, for all threads together.
std::size_t ready_memory();

}  // namespace gyre::node
