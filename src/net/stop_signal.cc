#include "net/stop_signal.h"

#include <csignal>
#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/assert.h"

namespace gyre::net {

StopSignal::StopSignal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  asked_ = eventfd(0, EFD_CLOEXEC);
  GYRE_ASSERT(signals_ >= 0 && asked_ >= 0);
}

StopSignal::~StopSignal() {
  close(signals_);
  close(asked_);
}

int StopSignal::wait() {
  pollfd polled[] = {{asked_, POLLIN, 0}, {signals_, POLLIN, 0}};
  while (poll(polled, 2, -1) <= 0) {
  }
  return (polled[0].revents & POLLIN) == 0 ? 0 : code_.load();
}

void StopSignal::stop(int exit_code) {
  int not_asked = kNotAsked;
  if (!code_.compare_exchange_strong(not_asked, exit_code)) return;
  const std::uint64_t value = 1;
  GYRE_ASSERT(write(asked_, &value, sizeof value) == sizeof value);
}

}  // namespace gyre::net
