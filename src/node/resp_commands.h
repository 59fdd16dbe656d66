// The commands that a connection of a Redis client answers by itself: about the connection, the node, the cluster.
#pragma once

#include "node/resp_client.h"
#include "redis/command_table.h"
#include "redis/reply.h"

namespace gyre::node {

// REQUIRES: `command` has no plan; the arguments are a call of it.
redis::Reply run_own_command(const RespContext& context, const redis::Command& command,
                             const redis::Arguments& arguments);

}  // namespace gyre::node
