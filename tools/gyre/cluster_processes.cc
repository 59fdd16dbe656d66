#include "tools/gyre/cluster_processes.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {  // glibc 2.36 forgot to say so itself
#include <sys/pidfd.h>
}

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fmt/core.h>
#include <httplib.h>

namespace gyre::cli {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

std::string boot_id() {
  std::string id = read_file("/proc/sys/kernel/random/boot_id");
  id.erase(std::remove(id.begin(), id.end(), '\n'), id.end());
  return id;
}

struct ProcessStat {
  char state = '?';            // R S D: alive; T: stopped; Z X: ended
  std::uint64_t start_ticks = 0;  // since boot
};

// SOURCE: proc(5), /proc/PID/stat: fields 3 and 22; field 2 may hold spaces and parentheses.
std::optional<ProcessStat> read_stat(pid_t pid) {
  const std::string text = read_file(fmt::format("/proc/{}/stat", pid));
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  ProcessStat stat;
  std::string skipped;
  fields >> stat.state;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> stat.start_ticks;
  if (!fields) return std::nullopt;
  return stat;
}

fs::path pid_file(const fs::path& process_dir) { return process_dir / "pid"; }

std::uint16_t port_of(const std::string& address) {
  std::uint16_t port = 0;
  const auto colon = address.rfind(':') + 1;
  std::from_chars(address.data() + colon, address.data() + address.size(), port);
  return port;
}

// The inode of the socket that listens at `port`, from /proc/net/tcp and tcp6. SOURCE: proc(5).
std::optional<std::string> listening_inode(std::uint16_t port) {
  constexpr std::string_view kListen = "0A";
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream fields(line);
      std::string index, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      fields >> index >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
      if (state == kListen && local.ends_with(fmt::format(":{:04X}", port))) return inode;
    }
  }
  return std::nullopt;
}

bool has_socket(const std::string& pid, const std::string& inode) {
  std::error_code error;
  const std::string wanted = "socket:[" + inode + "]";
  for (fs::directory_iterator fd("/proc/" + pid + "/fd", error), end; !error && fd != end; fd.increment(error)) {
    std::error_code gone;
    if (fs::read_symlink(fd->path(), gone) == wanted) return true;
  }
  return false;
}

std::string who_listens(std::uint16_t port) {
  const auto inode = listening_inode(port);
  if (!inode) return "another process";
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string pid = entry->path().filename();
    if (!std::ranges::all_of(pid, [](char c) { return c >= '0' && c <= '9'; })) continue;
    if (!has_socket(pid, *inode)) continue;
    std::string name = read_file(entry->path() / "comm");
    name.erase(std::remove(name.begin(), name.end(), '\n'), name.end());
    return fmt::format("{} (pid {})", name, pid);
  }
  return "a process of another user";
}

// posix_spawn reports a program that cannot be executed right here, unlike fork and exec.
int spawn(const fs::path& log, const fs::path& program, const std::vector<std::string>& arguments, pid_t& pid) {
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  const int error = posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<LiveProcess> LiveProcess::find(const fs::path& process_dir) {
  std::istringstream fields(read_file(pid_file(process_dir)));
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;
  std::string boot;
  if (!(fields >> pid >> start_ticks >> boot) || pid <= 1 || boot != boot_id()) return std::nullopt;
  OwnedFd fd(pidfd_open(pid, 0));
  if (!fd) return std::nullopt;
  // Looked at after the descriptor was opened: from here on the pid cannot change its meaning unnoticed.
  const auto stat = read_stat(pid);
  if (!stat || stat->start_ticks != start_ticks || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  return LiveProcess(pid, std::move(fd));
}

Result<LiveProcess> LiveProcess::start(const fs::path& process_dir, const fs::path& program,
                                       const std::vector<std::string>& arguments) {
  std::error_code error;
  fs::create_directories(process_dir, error);
  if (error) {
    return fail(ErrorCode::storage_failed, fmt::format("cannot create {}: {}", process_dir.string(), error.message()));
  }
  pid_t pid = 0;
  if (const int number = spawn(process_dir / "log", program, arguments, pid); number != 0) {
    return fail(ErrorCode::unavailable, fmt::format("cannot start {} with its log in {}: {}", program.string(),
                                                    process_dir.string(), std::strerror(number)));
  }
  LiveProcess process(pid, OwnedFd(pidfd_open(pid, 0)));
  const auto stat = read_stat(pid);
  std::ofstream out(pid_file(process_dir), std::ios::trunc);
  out << pid << ' ' << (stat ? stat->start_ticks : 0) << ' ' << boot_id() << '\n';
  out.close();
  if (!out) {
    process.send(SIGKILL);
    return fail(ErrorCode::storage_failed,
                fmt::format("cannot write {}: is the disk full?", pid_file(process_dir).string()));
  }
  return process;
}

bool LiveProcess::paused() const {
  const auto stat = read_stat(pid_);
  return stat && stat->state == 'T';
}

void LiveProcess::send(int signal) const { pidfd_send_signal(fd_.get(), signal, nullptr, 0); }

bool LiveProcess::stop(std::chrono::milliseconds limit) const {
  send(SIGTERM);
  send(SIGCONT);
  return ends_within(limit);
}

bool LiveProcess::ends_within(std::chrono::milliseconds limit) const {
  pollfd wanted{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&wanted, 1, static_cast<int>(limit.count())) > 0;
}

std::string LiveProcess::how_it_ended() const {
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return {};
  if (WIFSIGNALED(status)) return fmt::format("by signal {}", WTERMSIG(status));
  return fmt::format("with status {}", WEXITSTATUS(status));
}

bool has_pid_file(const fs::path& process_dir) {
  std::error_code ignored;
  return fs::exists(pid_file(process_dir), ignored);
}

void remove_pid_file(const fs::path& process_dir) {
  std::error_code ignored;
  fs::remove(pid_file(process_dir), ignored);
}

Readiness ask_readiness(const std::string& http_address, std::chrono::milliseconds limit) {
  httplib::Client client("http://" + http_address);
  client.set_connection_timeout(limit);
  client.set_read_timeout(limit);
  const auto answer = client.Get("/readyz");
  if (!answer) {
    const bool refused = answer.error() == httplib::Error::Connection;
    return {refused ? Readiness::State::refused : Readiness::State::silent, {}};
  }
  if (answer->status == 200) return {Readiness::State::ready, {}};
  std::string reason = answer->body.substr(0, answer->body.find('\n'));
  return {Readiness::State::not_ready, std::move(reason)};
}

Result<void> check_port_free(const std::string& address, std::string_view needed_by) {
  const std::uint16_t port = port_of(address);
  const OwnedFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) return {};
  const int error = errno;
  if (error != EADDRINUSE) {
    return fail(ErrorCode::unavailable,
                fmt::format("{} cannot listen at {}: {}", needed_by, address, std::strerror(error)));
  }
  return fail(ErrorCode::unavailable,
              fmt::format("{} needs port {}, but {} listens there: stop it, or choose other ports with --base-port",
                          needed_by, port, who_listens(port)));
}

Result<fs::path> find_gyred() {
  std::error_code error;
  if (const char* named = std::getenv("GYRED"); named && *named) {
    if (fs::exists(named, error)) return fs::path(named);
    return fail(ErrorCode::not_found, fmt::format("GYRED names {}, which does not exist", named));
  }
  const fs::path beside = fs::read_symlink("/proc/self/exe", error).parent_path() / "gyred";
  if (fs::exists(beside, error)) return beside;
  return fail(ErrorCode::not_found,
              fmt::format("the server gyred is not at {}: build it, or name it with GYRED=PATH", beside.string()));
}

std::vector<std::string> last_lines(const fs::path& path, std::size_t count) {
  constexpr std::streamoff kTailBytesMax = 1 << 20;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in || count == 0) return {};
  const std::streamoff size = in.tellg();
  const std::streamoff from = std::max<std::streamoff>(0, size - kTailBytesMax);
  in.seekg(from);
  std::vector<std::string> lines;
  std::string line;
  while (std::getline(in, line)) lines.push_back(std::move(line));
  if (lines.size() > count) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(count));
  return lines;
}

Result<OwnedFd> lock_cluster(const fs::path& dir) {
  OwnedFd fd(::open((dir / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) {
    return fail(ErrorCode::storage_failed,
                fmt::format("cannot open {}: {}", (dir / "lock").string(), std::strerror(errno)));
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  fmt::print(stderr, "Another gyre command works on the cluster in {}: waiting for it.\n", dir.string());
  if (::flock(fd.get(), LOCK_EX) == 0) return fd;
  return fail(ErrorCode::storage_failed,
              fmt::format("cannot lock {}: {}", (dir / "lock").string(), std::strerror(errno)));
}

}  // namespace gyre::cli
