// INFO, CONFIG GET and the line of CLIENT LIST: what a node tells Redis clients of itself. Nothing that is not so.
#pragma once

#include <string>

#include "node/resp_client.h"
#include "redis/arguments.h"
#include "redis/reply.h"

namespace gyre::node {

redis::Reply info(const RespContext& context, const redis::Arguments& arguments);
// Names in full, or * for all.
redis::Reply config_get(const RespContext& context, const redis::Arguments& arguments);
// With its line end.
std::string client_line(const RespClient& client);

}  // namespace gyre::node
