#include "wire/resp_peek.h"

#include <charconv>
#include <system_error>

namespace gyre::wire {

namespace {

// Up to the key's length; the name in capitals or not.
constexpr std::string_view kGet = "*2\r\n$3\r\nGET\r\n$";
constexpr std::size_t kName = kGet.find('G');
constexpr std::size_t kNameEnd = kName + 3;

bool begins_get(std::string_view rest) {
  if (rest.size() < kGet.size() || !rest.starts_with(kGet.substr(0, kName))) return false;
  for (std::size_t i = kName; i < kNameEnd; ++i) {
    if ((rest[i] & ~0x20) != kGet[i]) return false;
  }
  return rest.substr(kNameEnd).starts_with(kGet.substr(kNameEnd));
}

}  // namespace

PeekedGets peek_gets(std::string_view received, std::span<std::string_view> keys) {
  PeekedGets peeked;
  while (peeked.count < keys.size()) {
    const std::string_view rest = received.substr(peeked.bytes);
    if (!begins_get(rest)) break;
    const char* const end = rest.data() + rest.size();
    std::size_t key_bytes = 0;
    const auto [behind, error] = std::from_chars(rest.data() + kGet.size(), end, key_bytes);
    const auto key_at = static_cast<std::size_t>(behind - rest.data()) + 2;  // "\r\n"
    if (error != std::errc() || key_at > rest.size() || key_bytes > rest.size() - key_at) break;
    if (rest.size() - key_at - key_bytes < 2) break;
    keys[peeked.count++] = rest.substr(key_at, key_bytes);
    peeked.bytes += key_at + key_bytes + 2;
  }
  return peeked;
}

}  // namespace gyre::wire
