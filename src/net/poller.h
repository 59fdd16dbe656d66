// What a loop waits in: an epoll set of its sockets, which other threads can wake.
//
// It is level-triggered and says of all sockets at once which are ready; each of those reads once. A request then costs
// one recv and one send, and a turn two waits.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <system_error>
#include <vector>

#include <sys/epoll.h>

#include "base/time.h"

namespace gyre::net {

// Who is told that a socket is ready.
class PollerClient {
 public:
  virtual ~PollerClient() = default;
  // `events`: of epoll, EPOLLIN and so on. May be about a socket that had the place before, in the same turn.
  virtual void on_ready(std::uint32_t events) = 0;
};

// THREAD: the loop's, but for wake().
class Poller {
 public:
  using Place = std::uint32_t;

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  static constexpr Duration kForever = Duration::max();
  // Waits until sockets are ready or wake() is called, at most `limit`. False: neither.
  bool wait(Duration limit);
  // Tells those that were ready; how many.
  int serve();
  // Ends the wait that is under way, or the next one. THREAD: any.
  void wake();

  // Keeps `client` until remove(), and watches nothing yet.
  Place add(std::shared_ptr<PollerClient> client);
  // Watches `fd` for `wanted` instead of `watched`, both of epoll. 0: does not watch it, not even for its errors.
  // ERRORS: what the system says that has no memory left, or watches as many sockets as it may; `fd` is not watched,
  // and its client is told once, to find out.
  std::error_code watch(Place place, int fd, std::uint32_t watched, std::uint32_t wanted);
  // The client is let go of by let_go(). REQUIRES: not watched.
  void remove(Place place);
  // Of those that were removed; false: none was. Not within their own calls, so the loop calls it between turns.
  bool let_go();
  // Of all clients. REQUIRES: the loop has ended.
  void clear();

 private:
  int wait_for_events(Duration limit);
  void tell(Place place, std::uint32_t events);

  // Told of at once: bounds how long the first answer waits for the last.
  static constexpr int kEventsMax = 256;

  int set_;
  int wake_;
  std::array<epoll_event, kEventsMax> ready_;
  int ready_count_ = 0;
  bool exact_ = true;  // the system waits for less than milliseconds
  bool said_unwatched_ = false;
  std::vector<std::shared_ptr<PollerClient>> clients_;  // by place
  std::vector<Place> free_;
  std::vector<Place> unwatched_;  // the system did not take them
  std::vector<std::shared_ptr<PollerClient>> removed_;
};

}  // namespace gyre::net
