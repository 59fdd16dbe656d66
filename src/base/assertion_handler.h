// What happens before a broken invariant ends the process. For the simulator, which breaks rules on purpose.
#pragma once

namespace gyre {

// Throws if the process is to go on.
using AssertionHandler = void (*)(const char* expression, const char* file, int line);
// Called first by every broken invariant in the whole process.
void set_assertion_handler(AssertionHandler handler);

}  // namespace gyre
