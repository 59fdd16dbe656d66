// What a client of `gyre verify` was told of its losses, to be compared with what was lost.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "gyre/types.h"
#include "tools/gyre/verify_history.h"

namespace gyre::cli {

// A client remembers its writes of about 10 s by key (gyre/client.h); of older ones it says `more`.
inline constexpr auto kSurelyRemembered = std::chrono::seconds(9);

struct AcknowledgedWrite {
  std::string key;
  Version version;
  std::uint32_t partition = 0;
  VerifyClock::time_point answered;
};

// THREAD: any.
class ToldLosses {
 public:
  void note(const LostWrites& lost, VerifyClock::time_point now);

  // Writes told of, and how often each.
  std::map<std::pair<std::string, Version>, std::uint64_t> writes() const;
  // The client was told that this write is lost: by name, or, if it was too old to be remembered, by `more`.
  bool covers(const AcknowledgedWrite& write) const;

 private:
  struct More {
    std::uint32_t partition;
    VerifyClock::time_point at;
  };

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, Version>, std::uint64_t> writes_;  // guarded by mutex_, as is
  std::vector<More> more_;
};

}  // namespace gyre::cli
