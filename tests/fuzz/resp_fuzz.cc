// Any bytes as requests and as replies of Redis's protocol. However the stream is cut, the same commands or values come
// out, and the same error ends them; what came out can be written, and is then read as the same. The first byte of the
// input is the size of the pieces; its highest bit says that the connection has authenticated.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "wire/resp_parser.h"
#include "wire/resp_reader.h"
#include "wire/resp_writer.h"

namespace {

using namespace gyre::wire;

constexpr RespLimits kLimits = {.arguments_max = 1000,
                                .argument_bytes_max = 100'000,
                                .unauthenticated_arguments_max = 10,
                                .unauthenticated_argument_bytes_max = 16};
constexpr std::size_t kPiecesMax = 4096;  // of a long input: each copies what is pending
constexpr RespReaderLimits kReplyLimits = {.depth_max = 4, .values_max = 1000, .bytes_max = 100'000};

using Command = std::vector<std::string>;

struct Requests {
  std::vector<Command> commands;
  RespOutcome end = RespOutcome::incomplete;
  std::string error;
  std::size_t consumed = 0;

  bool operator==(const Requests&) const = default;
};

// Calls `take` with what is pending after each piece, in a place of its own; it gives how much is done with, or none
// when the stream is lost.
void feed(std::string_view stream, std::size_t piece_bytes, auto take) {
  std::string pending;
  for (; !stream.empty(); stream.remove_prefix(std::min(piece_bytes, stream.size()))) {
    const std::string received = pending + std::string(stream.substr(0, piece_bytes));
    const std::optional<std::size_t> consumed = take(std::string_view(received));
    if (!consumed) return;
    GYRE_ASSERT(*consumed <= received.size());
    pending = received.substr(*consumed);
  }
}

void check_place(const RespParser& parser, std::string_view consumed) {
  GYRE_ASSERT(!parser.arguments().empty());
  if (!parser.arguments_in_place()) return;
  for (const std::string_view argument : parser.arguments()) {
    GYRE_ASSERT(argument.data() >= consumed.data());
    GYRE_ASSERT(argument.data() + argument.size() <= consumed.data() + consumed.size());
  }
}

Requests parse(std::string_view stream, std::size_t piece_bytes, bool authenticated, RespLimits limits = kLimits) {
  Requests requests;
  RespParser parser(limits);
  parser.set_authenticated(authenticated);
  feed(stream, piece_bytes, [&](std::string_view rest) -> std::optional<std::size_t> {
    std::size_t at = 0;
    do {
      const auto [outcome, consumed] = parser.next(rest.substr(at));
      GYRE_ASSERT(consumed <= rest.size() - at);
      requests.end = outcome;
      requests.consumed += consumed;
      if (outcome == RespOutcome::command) {
        check_place(parser, rest.substr(at, consumed));
        requests.commands.emplace_back(parser.arguments().begin(), parser.arguments().end());
      }
      at += consumed;
    } while (requests.end == RespOutcome::command);
    GYRE_ASSERT(requests.end != RespOutcome::incomplete || parser.bytes_needed() > rest.size() - at);
    return requests.end == RespOutcome::incomplete ? std::optional(at) : std::nullopt;
  });
  requests.error = parser.error();
  return requests;
}

void check_requests(std::string_view stream, std::size_t piece_bytes, bool authenticated) {
  const Requests whole = parse(stream, stream.size(), authenticated);
  GYRE_ASSERT(parse(stream, piece_bytes, authenticated) == whole);
  GYRE_ASSERT((whole.end == RespOutcome::protocol_error) == !whole.error.empty());
  std::string written;
  RespWriter writer(written);
  for (const Command& command : whole.commands) {
    writer.array(command.size());
    for (const std::string& argument : command) writer.bulk(argument);
  }
  GYRE_ASSERT(parse(written, written.size(), true, {}).commands == whole.commands);
}

struct Replies {
  std::string written;  // as RESP3
  std::optional<gyre::ErrorCode> error;

  bool operator==(const Replies&) const = default;
};

Replies read(std::string_view stream, std::size_t piece_bytes, RespReaderLimits limits) {
  Replies replies;
  RespReader reader(limits);
  RespWriter writer(replies.written, RespVersion::resp3);
  feed(stream, piece_bytes, [&](std::string_view rest) -> std::optional<std::size_t> {
    for (std::size_t at = 0;;) {
      const auto reply = reader.next(rest.substr(at));
      if (!reply) {
        replies.error = reply.error().code;
        return std::nullopt;
      }
      at += reply->consumed;
      if (!reply->value) return at;
      write(writer, *reply->value);
    }
  });
  return replies;
}

void check_replies(std::string_view stream, std::size_t piece_bytes) {
  const Replies whole = read(stream, stream.size(), kReplyLimits);
  GYRE_ASSERT(read(stream, piece_bytes, kReplyLimits) == whole);
  const Replies again = read(whole.written, whole.written.size(), {});
  GYRE_ASSERT(again == (Replies{whole.written, std::nullopt}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece_bytes = 1 + std::max<std::size_t>(data[0] & 0x7f, stream.size() / kPiecesMax);
  check_requests(stream, piece_bytes, (data[0] & 0x80) != 0);
  check_replies(stream, piece_bytes);
  return 0;
}
