#include "observe/deadline_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>

#include "net/loop.h"

namespace gyre::observe {

bool DeadlineStream::is_readable() const { return !unread_.empty() || wait_for(POLLIN); }

bool DeadlineStream::is_writable() const { return wait_for(POLLOUT); }

bool DeadlineStream::wait_for(short events) const {
  for (;;) {
    const Duration left = deadline_ - net::steady_now();
    if (left <= Duration(0)) return false;
    pollfd polled{socket_, events, 0};
    const int ready = ::poll(&polled, 1, static_cast<int>(to_ms(left)) + 1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

ssize_t DeadlineStream::read(char* to, std::size_t size) {
  if (unread_.empty()) {
    const std::size_t wanted = std::min(buffer_.size(), read_bytes_left_);
    if (wanted == 0 || !wait_for(POLLIN)) return -1;
    const ssize_t received = ::recv(socket_, buffer_.data(), wanted, MSG_DONTWAIT);
    if (received <= 0) return received;
    unread_ = {buffer_.data(), static_cast<std::size_t>(received)};
    read_bytes_left_ -= unread_.size();
  }
  const std::size_t taken = std::min(size, unread_.size());
  std::memcpy(to, unread_.data(), taken);
  unread_.remove_prefix(taken);
  return static_cast<ssize_t>(taken);
}

ssize_t DeadlineStream::write(const char* from, std::size_t size) {
  std::string_view rest(from, size);
  while (!rest.empty()) {
    if (!wait_for(POLLOUT)) return -1;
    const ssize_t sent = ::send(socket_, rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      return -1;
    }
  }
  return static_cast<ssize_t>(size);
}

}  // namespace gyre::observe
