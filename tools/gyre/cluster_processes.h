// The processes of a local cluster as the operating system sees them: started, found again, signalled, asked.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "gyre/result.h"
#include "tools/gyre/local_cluster.h"

namespace gyre::cli {

// A file descriptor with an owner.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~OwnedFd();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// A process of a local cluster that was alive when it was found. Held by a pidfd, and told by its pid, start time and
// boot (DIR/<id>/pid): a signal never reaches another process that took the pid over.
class LiveProcess {
 public:
  // None: the process named by the pid file is gone, or there is no such file.
  static std::optional<LiveProcess> find(const std::filesystem::path& process_dir);

  // Runs `program` in a session of its own, standard input empty, both outputs appended to DIR/<id>/log, and writes
  // the pid file. It outlives this process. ERRORS: storage_failed, unavailable (it cannot be executed).
  static Result<LiveProcess> start(const std::filesystem::path& process_dir, const std::filesystem::path& program,
                                   const std::vector<std::string>& arguments);

  pid_t pid() const { return pid_; }
  // Stopped by SIGSTOP.
  bool paused() const;
  // No effect on a process that has ended meanwhile.
  void send(int signal) const;
  // Asks it to end, also a paused one. False: it still lives after `limit`.
  bool stop(std::chrono::milliseconds limit) const;
  bool ends_within(std::chrono::milliseconds limit) const;
  // "with status 2", "by signal 9"; empty if unknown (only its parent is told).
  std::string how_it_ended() const;

 private:
  LiveProcess(pid_t pid, OwnedFd fd) : pid_(pid), fd_(std::move(fd)) {}

  pid_t pid_;
  OwnedFd fd_;
};

bool has_pid_file(const std::filesystem::path& process_dir);
void remove_pid_file(const std::filesystem::path& process_dir);

// What a server says of itself at GET /readyz.
struct Readiness {
  enum class State : std::uint8_t { ready, not_ready, refused, silent };
  State state = State::silent;
  std::string reason;  // with not_ready
};
Readiness ask_readiness(const std::string& http_address, std::chrono::milliseconds limit);

// "gyred (pid 4711)" or "another process": who listens at a port of this machine.
// ERRORS: unavailable, with a sentence that says so, if `address` cannot be bound.
Result<void> check_port_free(const std::string& address, std::string_view needed_by);

// GYRED, else gyred beside this program. ERRORS: not_found.
Result<std::filesystem::path> find_gyred();

// The last lines of a file, at most `count`; none if it cannot be read.
std::vector<std::string> last_lines(const std::filesystem::path& path, std::size_t count);

// Commands that start or stop processes of one cluster run one after the other.
// ERRORS: storage_failed. Waits for the other command, saying so.
Result<OwnedFd> lock_cluster(const std::filesystem::path& dir);

}  // namespace gyre::cli
