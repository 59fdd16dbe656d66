// CLIENT: what a connection says of itself, and what it sees and ends of others.
#pragma once

#include "redis/arguments.h"
#include "redis/reply.h"
#include "resp/backend.h"

namespace gyre::resp {

redis::Reply client_getname(const Context& context, const redis::Arguments& arguments);
redis::Reply client_id(const Context& context, const redis::Arguments& arguments);
redis::Reply client_info(const Context& context, const redis::Arguments& arguments);
redis::Reply client_kill(const Context& context, const redis::Arguments& arguments);
redis::Reply client_list(const Context& context, const redis::Arguments& arguments);
redis::Reply client_no_evict(const Context& context, const redis::Arguments& arguments);
redis::Reply client_reply(const Context& context, const redis::Arguments& arguments);
redis::Reply client_setinfo(const Context& context, const redis::Arguments& arguments);
redis::Reply client_setname(const Context& context, const redis::Arguments& arguments);

}  // namespace gyre::resp
