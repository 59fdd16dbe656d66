// A look at what a Redis client has sent, ahead of the parser. A hint: what the commands are the parser alone says.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace gyre::wire {

struct PeekedGets {
  std::size_t count = 0;  // of keys
  std::size_t bytes = 0;  // of the commands they are of
};

// The keys of the GETs at the front of `received`, written as all clients write them
// ("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"); at most as many as `keys` takes. Looks no further than the first of anything
// else. They lie in `received`.
PeekedGets peek_gets(std::string_view received, std::span<std::string_view> keys);

}  // namespace gyre::wire
