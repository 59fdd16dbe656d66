#include "routing/session_token.h"

#include <array>
#include <cstdint>
#include <optional>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/limits.h"

namespace gyre::routing {

namespace {

constexpr std::string_view kPrefix = "gs1.";
constexpr std::size_t kClusterDigits = 32;
constexpr std::size_t kCheckDigits = 8;
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr unsigned kDigitBits = 6;  // of base64

std::string check_of(std::string_view text) { return fmt::format("{:08x}", hash64(text) & 0xffffffffU); }

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// None: it ends too early, or is longer than 64 bits.
std::optional<std::uint64_t> take_varint(std::string_view& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return shift == 63 && byte > 1 ? std::nullopt : std::optional(value);
  }
  return std::nullopt;
}

std::string to_base64url(std::string_view bytes) {
  std::string text;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (count += 8; count >= kDigitBits; count -= kDigitBits) {
      text.push_back(kAlphabet[(bits >> (count - kDigitBits)) & 0x3f]);
    }
  }
  if (count > 0) text.push_back(kAlphabet[(bits << (kDigitBits - count)) & 0x3f]);
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << kDigitBits) | static_cast<std::uint32_t>(digit);
    count += kDigitBits;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count));
  }
  return bytes;
}

std::optional<std::vector<SessionToken::Seen>> parse_positions(std::string_view in) {
  std::vector<SessionToken::Seen> seen;
  std::uint64_t next = 0;  // the lowest partition that may follow
  while (!in.empty()) {
    const auto skipped = take_varint(in);
    const auto term = take_varint(in);
    const auto sequence = take_varint(in);
    if (!skipped || !term || !sequence || *skipped >= limits::kSlots - next) return std::nullopt;
    const std::uint64_t partition = next + *skipped;
    seen.push_back({PartitionId(static_cast<std::uint16_t>(partition)), {Term(*term), Sequence(*sequence)}});
    next = partition + 1;
  }
  return seen;
}

}  // namespace

std::string to_string(const SessionToken& token) {
  std::string positions;
  std::uint64_t next = 0;
  for (const auto& [partition, position] : token.seen) {
    put_varint(positions, partition.value() - next);
    put_varint(positions, position.term.value());
    put_varint(positions, position.sequence.value());
    next = partition.value() + 1U;
  }
  const std::string text = fmt::format("{}{}.{}.", kPrefix, token.cluster.str(), to_base64url(positions));
  return text + check_of(text);
}

Result<SessionToken> parse_session_token(std::string_view text) {
  const auto refuse = [] {
    return fail(ErrorCode::invalid_argument, "this is no session token of this version, or it is damaged");
  };
  constexpr std::size_t kHead = kPrefix.size() + kClusterDigits + 1;  // with the dot
  constexpr std::size_t kTail = 1 + kCheckDigits;
  if (!text.starts_with(kPrefix) || text.size() < kHead + kTail) return refuse();
  const std::string_view checked = text.substr(0, text.size() - kCheckDigits);
  if (text[kHead - 1] != '.' || checked.back() != '.' || text.substr(checked.size()) != check_of(checked)) {
    return refuse();
  }
  auto cluster = Uuid::parse(text.substr(kPrefix.size(), kClusterDigits));
  const auto bytes = from_base64url(checked.substr(kHead, checked.size() - kHead - 1));
  if (!cluster || !bytes) return refuse();
  auto seen = parse_positions(*bytes);
  if (!seen) return refuse();
  return SessionToken{*std::move(cluster), *std::move(seen)};
}

}  // namespace gyre::routing
