// The commands that a connection of a Redis client answers by itself: about the connection, the process, the cluster.
#pragma once

#include "redis/command_table.h"
#include "redis/reply.h"
#include "resp/backend.h"

namespace gyre::resp {

// REQUIRES: `command` has no plan; the arguments are a call of it.
redis::Reply run_own_command(const Context& context, const redis::Command& command, const redis::Arguments& arguments);

}  // namespace gyre::resp
