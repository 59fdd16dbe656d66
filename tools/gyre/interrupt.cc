#include "tools/gyre/interrupt.h"

#include <atomic>
#include <csignal>

namespace gyre::cli {

namespace {

std::atomic<bool> interrupt_flag{false};
int depth = 0;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void on_signal(int) { interrupt_flag.store(true, std::memory_order_relaxed); }

void install(void (*handler)(int), int flags) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  if (depth++ > 0) return;
  interrupt_flag = false;
  install(on_signal, static_cast<int>(SA_RESETHAND));
}

InterruptGuard::~InterruptGuard() {
  if (--depth == 0) install(SIG_DFL, 0);
}

bool interrupted() { return interrupt_flag.load(std::memory_order_relaxed); }

}  // namespace gyre::cli
