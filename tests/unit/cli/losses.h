// Records of loss ledgers, for tests.
#pragma once

#include <string>

#include "tools/gyre/lost_writes.h"

namespace gyre::cli {

inline messages::Mutation put_of(const std::string& key, const std::string& value, UnixMillis expires_at = kNoExpiry) {
  messages::Mutation mutation;
  mutation.kind = messages::Mutation::Kind::put;
  mutation.key = Bytes::copy_of(key);
  mutation.record.value = Bytes::copy_of(value);
  mutation.record.expires_at = expires_at;
  return mutation;
}

inline messages::Mutation del_of(const std::string& key) {
  messages::Mutation mutation;
  mutation.kind = messages::Mutation::Kind::del;
  mutation.key = Bytes::copy_of(key);
  return mutation;
}

inline LostRecord lost_write(Position position, std::vector<messages::Mutation> mutations = {}) {
  messages::LostWrite write;
  write.partition = PartitionId(3);
  write.position = position;
  write.mutations = std::move(mutations);
  return {NodeId("n1"), {.id = 1, .recorded = {}, .loss = std::move(write)}};
}

inline LostRecord lost_range(Term term, std::uint64_t first, std::uint64_t last) {
  messages::LostRange range;
  range.partition = PartitionId(3);
  range.term = term;
  range.first = Sequence(first);
  range.last = Sequence(last);
  return {NodeId("n1"), {.id = 1, .recorded = {}, .loss = std::move(range)}};
}

}  // namespace gyre::cli
