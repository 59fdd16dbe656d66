// HELLO and AUTH: how a connection of a Redis client begins.
#pragma once

#include <string_view>

#include "redis/arguments.h"
#include "redis/reply.h"
#include "resp/backend.h"

namespace gyre::resp {

// The Redis whose commands and words are followed; clients ask what they may use.
inline constexpr std::string_view kRedisVersion = "7.0.15";
inline constexpr std::string_view kBadClientName =
    "ERR Client names cannot contain spaces, newlines or special characters.";

// Printable, without spaces; may be empty.
bool valid_client_name(std::string_view name);

redis::Reply hello(const Context& context, const redis::Arguments& arguments);
redis::Reply authenticate(const Context& context, const redis::Arguments& arguments);

}  // namespace gyre::resp
