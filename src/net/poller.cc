#include "net/poller.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <span>
#include <system_error>
#include <utility>

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"

namespace gyre::net {

namespace {

// Of the descriptor that wakes.
constexpr Poller::Place kNobody = std::numeric_limits<Poller::Place>::max();

int opened(int fd) {
  if (fd < 0) throw std::system_error(errno, std::system_category(), "cannot set up an event loop");
  return fd;
}

// Nanoseconds where the kernel has them (Linux 5.11), else milliseconds, rounded up.
int wait_in(int set, std::span<epoll_event> events, Duration limit) {
  const int room = static_cast<int>(events.size());
  if (limit == Poller::kForever) return ::epoll_wait(set, events.data(), room, -1);
  if (limit == Duration(0)) return ::epoll_wait(set, events.data(), room, 0);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(limit);
  const timespec exact{.tv_sec = seconds.count(), .tv_nsec = Duration(limit - seconds).count()};
  const int count = ::epoll_pwait2(set, events.data(), room, &exact, nullptr);
  if (count >= 0 || errno != ENOSYS) return count;
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  return ::epoll_wait(set, events.data(), room, static_cast<int>(std::min<std::int64_t>(rounded, 60'000)));
}

}  // namespace

Poller::Poller() : set_(opened(::epoll_create1(EPOLL_CLOEXEC))), wake_(opened(::eventfd(0, EFD_CLOEXEC))) {
  // By edges: each wake() is one, and none needs to be read.
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u32 = kNobody}};
  GYRE_ASSERT(::epoll_ctl(set_, EPOLL_CTL_ADD, wake_, &event) == 0);
}

Poller::~Poller() {
  ::close(wake_);
  ::close(set_);
}

void Poller::wait(Duration limit) { ready_count_ = wait_in(set_, ready_, unwatched_.empty() ? limit : Duration(0)); }

int Poller::serve() {
  for (int i = 0; i < ready_count_; ++i) tell(ready_[i].data.u32, ready_[i].events);
  for (const Place place : std::exchange(unwatched_, {})) tell(place, EPOLLIN | EPOLLOUT | EPOLLHUP);
  return ready_count_;
}

// Who is told may remove any client, itself too: those live on until let_go().
void Poller::tell(Place place, std::uint32_t events) {
  if (place == kNobody) return;
  if (PollerClient* client = clients_[place].get()) client->on_ready(events);
}

void Poller::wake() {
  const std::uint64_t one = 1;
  GYRE_ASSERT(::write(wake_, &one, sizeof one) == sizeof one);
}

Poller::Place Poller::add(std::shared_ptr<PollerClient> client) {
  if (free_.empty()) {
    clients_.push_back(std::move(client));
    return static_cast<Place>(clients_.size() - 1);
  }
  const Place place = free_.back();
  free_.pop_back();
  clients_[place] = std::move(client);
  return place;
}

void Poller::watch(Place place, int fd, std::uint32_t watched, std::uint32_t wanted) {
  if (watched == wanted) return;
  epoll_event event{.events = wanted, .data = {.u32 = place}};
  const int operation = watched == 0 ? EPOLL_CTL_ADD : wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (::epoll_ctl(set_, operation, fd, &event) == 0 || wanted == 0) return;
  // No memory, or the system's limit on watched sockets. Its owner finds the end there, rather than waiting for ever.
  spdlog::error("cannot watch a connection ({}), so it is closed", std::system_category().message(errno));
  ::shutdown(fd, SHUT_RDWR);
  unwatched_.push_back(place);
}

void Poller::remove(Place place) {
  removed_.push_back(std::exchange(clients_[place], nullptr));
  free_.push_back(place);
}

void Poller::let_go() {
  // A destructor may remove others.
  while (!removed_.empty()) std::exchange(removed_, {}).clear();
}

void Poller::clear() {
  std::exchange(clients_, {}).clear();
  std::exchange(removed_, {}).clear();
  free_.clear();
}

}  // namespace gyre::net
