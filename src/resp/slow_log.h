// SLOWLOG: the commands that took long lately.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "redis/reply.h"

namespace gyre::resp {

// A command takes from when it was read until its reply is there: also what it waits for nodes and for earlier
// commands. THREAD: any.
class SlowLog {
 public:
  static constexpr Duration kSlow = std::chrono::milliseconds(10);
  static constexpr std::size_t kEntriesMax = 128;  // the newest
  static constexpr std::size_t kShownMax = 64;     // bytes of an argument

  struct Entry {
    UnixMillis at;  // when it ended
    Duration took{0};
    std::vector<std::string> arguments;  // as far as they are shown
    std::string peer;
    std::string name;  // of the client
  };

  void add(Entry entry);
  std::size_t size() const;
  void clear();
  // The newest `count` of them, the newest first, as SLOWLOG GET has them.
  redis::Reply tell(std::size_t count) const;

 private:
  struct Numbered {
    std::int64_t id;
    Entry entry;
  };

  mutable std::mutex mutex_;
  std::int64_t next_id_ = 0;
  std::deque<Numbered> entries_;  // newest first
};

}  // namespace gyre::resp
