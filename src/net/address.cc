#include "net/address.h"

#include <charconv>

#include <fmt/format.h>
#include <asio/ip/address.hpp>

namespace gyre::net {

std::string HostPort::str() const {
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

bool HostPort::loopback() const {
  if (host == "localhost") return true;
  std::error_code error;
  const auto address = asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

Result<HostPort> parse_host_port(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("'{}' is no address: {}; write HOST:PORT, such as 127.0.0.1:7400", text.substr(0, 120), why));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong("the port is missing");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.contains(':')) {
    return wrong("an IPv6 address needs [brackets]");
  }
  if (host.empty()) return wrong("the host is missing");
  HostPort result{std::string(host), 0};
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), result.port);
  if (port.empty() || parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) {
    return wrong("the port is a number from 0 to 65535");
  }
  return result;
}

}  // namespace gyre::net
