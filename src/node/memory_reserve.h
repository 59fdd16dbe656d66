// Memory that is ready before it is needed.
#pragma once

#include <cstddef>

namespace gyre::node {

// The kernel clears a huge page when somebody first writes to it, and a virtual machine may have to get it from its
// host before: milliseconds in which an event loop would serve nobody. From now on what the allocator grows by for this
// thread was written to before, by a thread that stays a few huge pages ahead.
//
// False, and nothing changes: the allocator is not jemalloc (as under sanitizers) or grows otherwise than it does by
// default, the kernel is older than 5.14, or it refuses the address space. For the life of the process.
bool keep_memory_ready();

// Bytes that are ready now; of the whole process.
std::size_t ready_memory();

}  // namespace gyre::node
