// Reads of the same key that are under way at once: hot keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/metrics.h"
#include "base/time.h"
#include "messages/request.h"
#include "runtime/environment.h"

namespace gyre::router {

// The first kOpenMax reads of a key go out at once. Those that come while they are open wait, and go out together as
// one when one of them is answered. So each of them is asked of a member after it came, and keeps what its level
// promises; and however many clients read a key, members see few reads of it. Reads of a session go each by itself:
// what they carry differs.
//
// THREAD: one loop's.
class Coalescer {
 public:
  static constexpr std::size_t kOpenMax = 2;
  static constexpr std::size_t kWaitingMax = 8192;  // of one key; a further one is to be refused

  // Who waits for an answer.
  struct Reader {
    runtime::ResponderPtr from;
    RequestId id;
  };
  // Reads of one kind that go out as one.
  struct Group {
    messages::GetRequest read;
    std::vector<Reader> readers;
    Instant deadline;  // the latest of theirs
    bool joined = false;  // on_answered() is to be called
  };

  bool has_room(const messages::GetRequest& read) const;
  // A read that is to go out now; none: it waits.
  std::optional<Group> on_read(const messages::GetRequest& read, Reader reader, Instant deadline);
  // A group that on_read() or this gave was answered. Another that is to go out now, if any.
  std::optional<Group> on_answered(const messages::GetRequest& read);

  std::uint64_t joined() const { return joined_.value(); }  // THREAD: any

 private:
  struct Kind {
    Bytes key;
    messages::ReadLevel level;
    Duration bound;
    bool value_wanted;

    auto operator<=>(const Kind&) const = default;
  };
  struct Open {
    std::size_t count = 0;
    std::vector<Reader> waiting;
    Instant deadline{};
  };
  static Kind kind_of(const messages::GetRequest& read);

  std::map<Kind, Open> open_;
  Counter joined_;
};

}  // namespace gyre::router
