// The writes that plans are made of, and how their outcomes are answered.
#pragma once

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "redis/plan.h"

namespace gyre::redis {

using messages::Condition;
using messages::Expiry;
using messages::WriteKind;
using messages::WriteOperation;

struct Put {
  Bytes key;
  Bytes value;
  Expiry expiry = {};
  Condition condition = {};
};
WriteOperation put(Put what);
WriteOperation del(Bytes key, Condition condition = {});

// A list of one, moved into: an initializer list would copy it.
template <class T>
std::vector<T> only(T item) {
  std::vector<T> list;
  list.push_back(std::move(item));
  return list;
}

// Holds while the key is as it was found.
Condition unchanged(const Found& found);
// Changes nothing, and fails if the key has changed: for keys that a decision rests on and does not write.
// REQUIRES: the key was found.
WriteOperation guard(Bytes key, const Found& found);

inline Reply bulk_or_null(const Found& found) {
  return found.record ? Reply::bulk(found.record->value) : Reply::null();
}
// Empty where the key was not found.
inline std::string_view value_of(const Found& found) {
  return found.record ? found.record->value.view() : std::string_view();
}
inline Reply length_of(const Found& found) { return Reply::integer(static_cast<std::int64_t>(value_of(found).size())); }

// Of literals, one a line.
Reply help(std::span<const std::string_view> lines);

// The write changed nothing, surely, for this reason.
inline bool failed_with(const Written& written, ErrorCode code) {
  return !written && written.error().code == code && written.error().outcome == Outcome::not_applied;
}

}  // namespace gyre::redis
