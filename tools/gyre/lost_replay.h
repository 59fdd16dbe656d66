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
  bool overwrite = false;    // also where the key has a newer value
  bool skip_absent = false;  // not where the key is absent
  bool dry_run = false;
  std::chrono::milliseconds deadline{0};  // of each write; zero: the client's
};

// What became of one lost write.
struct Replayed {
  enum class Result : std::uint8_t { replayed, would_replay, already_there, skipped };
  Result result = Result::skipped;
  std::string why = {};  // skipped
  bool absent = false;   // (would be) replayed: a key of it was absent
};
std::string_view to_string(Replayed::Result result);

// Replays lost writes, which must come oldest first. What it wrote itself does not count as a change of the key, so
// that of several lost writes of a key the newest one stays.
//
// A key whose version is newer than the lost write was changed since. An absent one was never there in the history that
// survived, or was deleted since: deletions leave no trace, so nobody can tell. The first is by far the more common,
// and what is written there overwrites nothing; so it is replayed, and said.
class Replay {
 public:
  Replay(Client& client, const ReplayOptions& options) : client_(client), options_(options) {}

  // ERRORS: the client's.
  Result<Replayed> run(const LostRecord& record, UnixMillis now);

 private:
  // What is to be done about one key of a lost write.
  struct Plan {
    std::string why_not = {};  // not empty: the write cannot be replayed
    bool already_there = false;  // nothing is to be done
    bool absent = false;  // the key is, and not by this replay
    Condition condition = {};
  };

  Result<Plan> plan(const messages::LostWrite& write, const messages::Mutation& mutation, UnixMillis now);
  Plan plan_absent(const messages::Mutation& mutation) const;
  Plan plan_present(const messages::LostWrite& write, const messages::Mutation& mutation, const Value& present) const;
  Result<Replayed> write(Batch batch, bool absent);

  Client& client_;
  ReplayOptions options_;
  // What this replay wrote, or would have; none: it deleted the key, or runs dry.
  std::map<std::string, std::optional<Version>> written_;
};

}  // namespace gyre::cli
