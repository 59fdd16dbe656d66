// Ctrl-C (SIGINT) and SIGTERM as a flag, for commands that have something to finish first.
#pragma once

namespace gyre::cli {

// What main() returns after one, as shells expect of SIGINT.
inline constexpr int kExitInterrupted = 130;

// While one exists, the first signal only sets the flag; a second one ends the process as usual. One inside another
// changes nothing. THREAD: one. Blocking reads return early (EINTR) when the signal comes.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

// A signal came since the guard was made. THREAD: any.
bool interrupted();

}  // namespace gyre::cli
