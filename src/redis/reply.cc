#include "redis/reply.h"

#include <fmt/format.h>

namespace gyre::redis {

namespace {

std::string text_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::not_found: return std::string(words::kNoSuchKey);
    case ErrorCode::denied: return "NOPERM " + error.message;
    // Whoever knows the map answers MOVED instead; these are the cases in which it changes just now.
    case ErrorCode::not_primary:
    case ErrorCode::stale_map:
    case ErrorCode::stale_term:
    case ErrorCode::behind: return "TRYAGAIN " + error.message;
    case ErrorCode::timeout: return "TRYAGAIN timeout: " + error.message;
    case ErrorCode::busy:
      if (error.retry_after.count() == 0) return "BUSY " + error.message;
      return fmt::format("BUSY {}, retry after {} ms", error.message, error.retry_after.count());
    case ErrorCode::unavailable: return "CLUSTERDOWN " + error.message;
    case ErrorCode::no_replicas: return "NOREPLICAS " + error.message;
    case ErrorCode::storage_failed: return "MISCONF " + error.message;
    case ErrorCode::condition_failed:
    case ErrorCode::invalid_argument:
    case ErrorCode::too_large:
    case ErrorCode::unsupported: return "ERR " + error.message;
    case ErrorCode::session_lost: return "SESSIONLOST " + error.message;
    case ErrorCode::outcome_unknown:
    case ErrorCode::corrupt:
    case ErrorCode::wrong_cluster:
    case ErrorCode::internal: break;
  }
  return fmt::format("ERR {}: {}", to_string(error.code), error.message);
}

}  // namespace

std::size_t bytes_of(const Reply& reply) {
  std::size_t bytes = sizeof(Reply) + reply.bytes.size();
  for (const Reply& item : reply.items) bytes += bytes_of(item);
  return bytes;
}

void write(wire::RespWriter& to, const Reply& reply) {
  switch (reply.kind) {
    case Reply::Kind::ok: return to.ok();
    case Reply::Kind::null: return to.null();
    case Reply::Kind::null_array: return to.null_array();
    case Reply::Kind::integer: return to.integer(reply.number);
    case Reply::Kind::bulk: return to.bulk(reply.bytes);
    case Reply::Kind::simple: return to.simple(reply.bytes);
    case Reply::Kind::error: return to.error(reply.bytes);
    case Reply::Kind::array: to.array(reply.items.size()); break;
    case Reply::Kind::set: to.set(reply.items.size()); break;
    case Reply::Kind::map: to.map(reply.items.size() / 2); break;
  }
  for (const Reply& item : reply.items) write(to, item);
}

Reply error_reply(const Error& error) {
  if (error.outcome == Outcome::unknown || error.code == ErrorCode::outcome_unknown) {
    return Reply::error_text("ERR outcome unknown: " + error.message);
  }
  return Reply::error_text(text_of(error));
}

}  // namespace gyre::redis
