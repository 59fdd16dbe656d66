// Addresses as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gyre/result.h"

namespace gyre::net {

struct HostPort {
  std::string host;
  std::uint16_t port = 0;

  // "HOST:PORT", or "[V6]:PORT".
  std::string str() const;
  // The host is a loopback address or "localhost": nothing outside this machine reaches it.
  bool loopback() const;
};

// Reads "HOST:PORT" or "[V6]:PORT"; port 0 means "any free one" to a listener. ERRORS: invalid_argument.
Result<HostPort> parse_host_port(std::string_view text);

}  // namespace gyre::net
