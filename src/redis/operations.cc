#include "redis/operations.h"

#include <utility>
#include <vector>

#include "redis/expiry.h"

namespace gyre::redis {

WriteOperation put(Put what) {
  return {.kind = WriteKind::put,
          .key = std::move(what.key),
          .value = std::move(what.value),
          .expiry = what.expiry,
          .condition = what.condition};
}

WriteOperation del(Bytes key, Condition condition) {
  return {.kind = WriteKind::del, .key = std::move(key), .condition = condition};
}

Condition unchanged(const Found& found) {
  if (!found.record) return {Condition::Kind::absent, {}};
  return {Condition::Kind::version, found.record->version};
}

WriteOperation guard(Bytes key, const Found& found) {
  const bool expires = found.record->expires_at != kNoExpiry;
  return {.kind = expires ? WriteKind::expire : WriteKind::persist,
          .key = std::move(key),
          .expiry = expiry_of(*found.record),
          .condition = unchanged(found)};
}

Reply help(std::span<const std::string_view> lines) {
  std::vector<Reply> items;
  for (const std::string_view line : lines) items.push_back(Reply::simple(line));
  return Reply::array(std::move(items));
}

}  // namespace gyre::redis
