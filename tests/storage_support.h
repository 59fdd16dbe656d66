// What tests of stored data share.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "base/assert.h"
#include "messages/operation.h"

namespace gyre::testing_support {

inline messages::PartitionState state_at(Position position, messages::TermHistory history = {}, Term served = {},
                                         UnixMillis time = {}) {
  messages::PartitionState state;
  state.position = position;
  state.history = std::move(history);
  state.served = served;
  state.time = time;
  return state;
}

// A write as a primary logs it at `position`, without an id.
inline messages::LoggedWritePtr logged(Position position, std::vector<messages::Mutation> mutations,
                                       UnixMillis time = {}) {
  auto write = std::make_shared<messages::LoggedWrite>();
  write->position = position;
  write->time = time;
  write->mutations = std::move(mutations);
  for (messages::Mutation& mutation : write->mutations) mutation.record.version = position;
  return write;
}

// The same, by a client that may send it again.
inline messages::LoggedWritePtr logged(Position position, std::vector<messages::Mutation> mutations, UnixMillis time,
                                       messages::WriteId id, WriteNumber lowest_open) {
  auto write = std::make_shared<messages::LoggedWrite>(*logged(position, std::move(mutations), time));
  write->id = id;
  write->lowest_open = lowest_open;
  write->fingerprint = 0xABCDEF0123456789 + id.number.value();
  write->outcomes.resize(write->mutations.size(), {.version = position, .existed = true, .changed = true});
  return write;
}

// A directory of its own, gone at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "gyre-test-XXXXXX").string();
    GYRE_ASSERT(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace gyre::testing_support
