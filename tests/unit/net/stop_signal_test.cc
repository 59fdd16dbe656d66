#include "net/stop_signal.h"

#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gyre::net {
namespace {

// Runs `body` in a child of its own, because signal masks outlive a StopSignal; gives what it returned.
template <class Body>
int in_child(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(10);
    _exit(body());
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  return WEXITSTATUS(status);
}

TEST(StopSignal, ASignalAsksForACleanStop) {
  for (const int signal : {SIGTERM, SIGINT}) {
    EXPECT_EQ(in_child([signal] {
                StopSignal stop;
                kill(getpid(), signal);
                return stop.wait();
              }),
              0);
  }
}

TEST(StopSignal, ASignalToAThreadStartedLaterReachesTheWaiter) {
  EXPECT_EQ(in_child([] {
              StopSignal stop;
              std::thread other([] { kill(getpid(), SIGTERM); });
              const int code = stop.wait();
              other.join();
              return code;
            }),
            0);
}

TEST(StopSignal, AThreadCanAskWithAnExitCode) {
  EXPECT_EQ(in_child([] {
              StopSignal stop;
              std::thread other([&] { stop.stop(3); });
              const int code = stop.wait();
              other.join();
              return code;
            }),
            3);
}

TEST(StopSignal, AskedBeforeTheWaitItReturnsAtOnce) {
  EXPECT_EQ(in_child([] {
              StopSignal stop;
              stop.stop(1);
              return stop.wait();
            }),
            1);
}

TEST(StopSignal, TheFirstCodeCounts) {
  EXPECT_EQ(in_child([] {
              StopSignal stop;
              stop.stop(3);
              stop.stop(1);
              kill(getpid(), SIGTERM);
              return stop.wait();
            }),
            3);
}

TEST(StopSignal, AClosedPipeKillsNobody) {
  EXPECT_EQ(in_child([] {
              StopSignal stop;
              int ends[2];
              if (pipe(ends) != 0) return 1;
              close(ends[0]);
              return write(ends[1], "x", 1) == -1 ? 7 : 1;
            }),
            7);
}

}  // namespace
}  // namespace gyre::net
