#include "net/poller.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <system_error>
#include <utility>

#include <sys/eventfd.h>
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

// In milliseconds, rounded up; a longer wait is taken up again.
int epoll_limit(Duration limit) {
  if (limit == Poller::kForever) return -1;
  return static_cast<int>(std::min<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(limit).count(), 60'000));
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

bool Poller::wait(Duration limit) {
  const int count = wait_for_events(unwatched_.empty() ? limit : Duration(0));
  GYRE_ASSERT(count >= 0 || errno == EINTR);
  ready_count_ = std::max(count, 0);
  return ready_count_ > 0 || !unwatched_.empty();
}

int Poller::wait_for_events(Duration limit) {
  if (exact_ && limit != kForever && limit != Duration(0)) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(limit);
    const timespec exact{.tv_sec = seconds.count(), .tv_nsec = Duration(limit - seconds).count()};
    const int count = ::epoll_pwait2(set_, ready_.data(), kEventsMax, &exact, nullptr);
    if (count >= 0 || errno == EINTR) return count;
    exact_ = false;  // Linux before 5.11, or a container that forbids what it does not know
  }
  return ::epoll_wait(set_, ready_.data(), kEventsMax, epoll_limit(limit));
}

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

std::error_code Poller::watch(Place place, int fd, std::uint32_t watched, std::uint32_t wanted) {
  if (watched == wanted) return {};
  epoll_event event{.events = wanted, .data = {.u32 = place}};
  const int operation = watched == 0 ? EPOLL_CTL_ADD : wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (::epoll_ctl(set_, operation, fd, &event) == 0 || wanted == 0) return {};
  const std::error_code error(errno, std::system_category());
  if (!std::exchange(said_unwatched_, true))
    spdlog::error("connections are closed, for: cannot watch: {}", error.message());
  unwatched_.push_back(place);
  return error;
}

void Poller::remove(Place place) {
  removed_.push_back(std::exchange(clients_[place], nullptr));
  free_.push_back(place);
}

bool Poller::let_go() {
  if (removed_.empty()) return false;
  // A destructor may remove others.
  while (!removed_.empty()) std::exchange(removed_, {}).clear();
  return true;
}

void Poller::clear() {
  for (Place place = 0; place < clients_.size(); ++place) {
    if (clients_[place] != nullptr) remove(place);
  }
  let_go();
}

}  // namespace gyre::net
