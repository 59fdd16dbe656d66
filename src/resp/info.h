// INFO, CONFIG GET and the line of CLIENT LIST: what a process tells Redis clients of itself. Nothing that is not so.
#pragma once

#include <string>

#include "redis/arguments.h"
#include "redis/reply.h"
#include "resp/backend.h"

namespace gyre::resp {

redis::Reply info(const Context& context, const redis::Arguments& arguments);
// Names in full, or * for all.
redis::Reply config_get(const Context& context, const redis::Arguments& arguments);

}  // namespace gyre::resp
