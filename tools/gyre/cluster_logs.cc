#include "tools/gyre/cluster_logs.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <string>

#include <fmt/core.h>

#include "tools/gyre/cluster_processes.h"
#include "tools/gyre/encoding.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

namespace fs = std::filesystem;

void print_entry(const Context& context, const LocalProcess& process, const std::string& line) {
  if (context.json) {
    print_json({{"id", process.id}, {"line", valid_utf8(line) ? line : printable(line)}});
  } else {
    print_line(line);
  }
}

// Waits until the file changes. Looks again every second also without a sign, as inotify may be exhausted.
class ChangeWatch {
 public:
  explicit ChangeWatch(const fs::path& path) : fd_(inotify_init1(IN_CLOEXEC)) {
    if (fd_) inotify_add_watch(fd_.get(), path.c_str(), IN_MODIFY);
  }
  void wait() const {
    pollfd wanted{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&wanted, 1, 1000) > 0) {
      std::array<char, 4096> events;
      if (::read(fd_.get(), events.data(), events.size()) < 0) return;
    }
  }

 private:
  OwnedFd fd_;
};

}  // namespace

Result<void> cluster_logs(const Context& context, const LocalCluster& cluster, const LocalProcess& process,
                          const LogOptions& options) {
  const fs::path path = cluster.process_dir(process) / "log";
  const ChangeWatch watch(path);
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) {
    return fail(ErrorCode::not_found,
                fmt::format("{} has no log yet: start it with `gyre cluster start {}`", process.id, process.id));
  }
  for (const auto& line : last_lines(path, options.lines)) print_entry(context, process, line);
  std::fflush(stdout);
  std::string partial;
  while (options.follow && !std::ferror(stdout)) {
    watch.wait();
    in.clear();
    for (std::string line; std::getline(in, line);) {
      partial += line;
      if (in.eof()) break;  // the rest of this line is not written yet
      print_entry(context, process, std::exchange(partial, {}));
    }
    std::fflush(stdout);
  }
  return {};
}

}  // namespace gyre::cli
