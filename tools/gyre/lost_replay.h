// Writes what a failover lost once more, where that does no harm.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/time.h"
#include "gyre/client.h"
#include "tools/gyre/lost_writes.h"

namespace gyre::cli {

struct ReplayOptions {
  bool if_unchanged = false;  // only where the key was not written since
  bool dry_run = false;
  std::chrono::milliseconds deadline{0};  // of each write; zero: the client's
};

// What became of one lost write.
struct Replayed {
  enum class Result : std::uint8_t { replayed, would_replay, skipped };
  Result result = Result::skipped;
  std::string why;  // skipped
};
std::string_view to_string(Replayed::Result result);

// Replays lost writes, which must come oldest first. What it wrote itself does not count as a change of the key, so
// that of several lost writes of a key the newest one stays.
class Replay {
 public:
  Replay(Client& client, const ReplayOptions& options) : client_(client), options_(options) {}

  // ERRORS: the client's.
  Result<Replayed> run(const LostRecord& record, UnixMillis now);

 private:
  // Adds a mutation to the batch. Gives why it cannot, or nothing.
  Result<std::string> add(const messages::LostWrite& write, const messages::Mutation& mutation, UnixMillis now,
                          Batch& batch);
  // The condition under which the key may be written again; none: it was changed since.
  Result<std::optional<Condition>> condition_for(const messages::LostWrite& write, const std::string& key);

  Client& client_;
  ReplayOptions options_;
  std::map<std::string, Version> written_;  // by this replay
};

}  // namespace gyre::cli
