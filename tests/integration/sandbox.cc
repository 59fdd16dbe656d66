#include "tests/integration/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <httplib.h>

namespace gyre::integration {
namespace {

namespace fs = std::filesystem;

constexpr auto kCommandLimit = 90s;

std::string read_all(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

struct Redirection {
  fs::path in;
  fs::path out;
  fs::path err;
};

// The environment of this test, but with a home of its own and without a cluster named in it.
std::vector<std::string> environment_in(const fs::path& home) {
  std::vector<std::string> variables;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string variable = *at;
    if (!variable.starts_with("GYRE_") && !variable.starts_with("XDG_DATA_HOME=")) variables.push_back(variable);
  }
  variables.push_back("XDG_DATA_HOME=" + (home / "home").string());
  variables.push_back("NO_COLOR=1");
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (auto& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

pid_t spawn(const fs::path& home, Words words, const Redirection& files) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, files.in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, files.out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, files.err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  auto variables = environment_in(home);
  pid_t pid = -1;
  const int error =
      posix_spawn(&pid, words[0].c_str(), &actions, nullptr, pointers(words).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(fmt::format("cannot run {}: error {}", words[0], error));
  return pid;
}

// The exit status of a child, 128 + signal if a signal ended it; none: it still runs.
std::optional<int> wait_for(pid_t pid, std::chrono::milliseconds limit) {
  std::optional<int> result;
  eventually(limit, [&] {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == 0) return false;
    result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  });
  return result;
}

bool can_bind(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

// It names `dir` on its command line, or logs there: a router has no data directory to name.
bool belongs_to(const fs::path& process, const fs::path& dir) {
  if (read_all(process / "cmdline").find(dir.string()) != std::string::npos) return true;
  std::error_code ignored;
  return fs::read_symlink(process / "fd/2", ignored).string().starts_with(dir.string() + "/");
}

// Kills every process of `dir`: also those whose pid file was lost.
void kill_processes_of(const fs::path& dir) {
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const pid_t pid = std::atoi(entry->path().filename().c_str());
    if (pid <= 1 || pid == ::getpid()) continue;
    if (!belongs_to(entry->path(), dir)) continue;
    ::kill(pid, SIGKILL);
    eventually(5s, [&] { return read_all(entry->path() / "cmdline").empty(); });
  }
}

}  // namespace

bool eventually(std::chrono::milliseconds limit, const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

HttpAnswer http_get(const std::string& address, const std::string& path) {
  httplib::Client client("http://" + address);
  client.set_connection_timeout(2s);
  client.set_read_timeout(2s);
  const auto answer = client.Get(path);
  if (!answer) return {};
  return {answer->status, answer->body, answer->get_header_value("Content-Type")};
}

Sandbox::Sandbox() {
  std::string name = (fs::temp_directory_path() / "gyre-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  dir_ = name;
}

Sandbox::~Sandbox() {
  kill_processes_of(dir_);
  std::error_code ignored;
  if (::testing::Test::HasFailure()) {
    for (const auto& file : fs::recursive_directory_iterator(dir_, ignored)) {
      if (file.path().filename() != "log") continue;
      fmt::print("--- {}\n{}", file.path().string(), read_all(file.path()));
    }
  }
  fs::remove_all(dir_, ignored);
}

Output Sandbox::gyre(const Words& words, const std::string& input) const {
  Words all{"--dir", cluster_dir().string()};
  all.insert(all.end(), words.begin(), words.end());
  return gyre_anywhere(all, input);
}

Output Sandbox::gyre_anywhere(const Words& words, const std::string& input) const {
  static int run = 0;
  const fs::path base = dir_ / fmt::format("run{}", ++run);
  const Redirection files{base.string() + ".in", base.string() + ".out", base.string() + ".err"};
  std::ofstream(files.in, std::ios::binary) << input;
  Words all{GYRE_BINARY};
  all.insert(all.end(), words.begin(), words.end());
  const pid_t pid = spawn(dir_, all, files);
  const auto status = wait_for(pid, kCommandLimit);
  if (!status) {
    ::kill(pid, SIGKILL);
    wait_for(pid, 5s);
  }
  Output output{status.value_or(-1), read_all(files.out), read_all(files.err)};
  for (const auto& file : {files.in, files.out, files.err}) fs::remove(file);
  return output;
}

Output Sandbox::up(const Words& more) const {
  Words words{"cluster", "up", "--base-port", std::to_string(free_ports(100))};
  if (std::ranges::find(more, "--partitions") == more.end()) words.insert(words.end(), {"--partitions", "32"});
  if (std::ranges::find(more, "--routers") == more.end()) words.insert(words.end(), {"--routers", "0"});
  words.insert(words.end(), more.begin(), more.end());
  return gyre(words);
}

std::uint16_t Sandbox::free_ports(std::uint16_t count) {
  // Below the range that the kernel takes for outgoing connections (32768 on).
  constexpr std::uint32_t kLow = 10'000, kHigh = 32'000;
  std::uint32_t first = kLow + static_cast<std::uint32_t>(::getpid()) * 97 % (kHigh - kLow);
  for (std::uint32_t tried = 0; tried < kHigh - kLow; tried += count, first += count) {
    if (first + count > kHigh) first = kLow;
    std::uint32_t good = 0;
    while (good < count && can_bind(static_cast<std::uint16_t>(first + good))) ++good;
    if (good == count) return static_cast<std::uint16_t>(first);
  }
  throw std::runtime_error("no free ports");
}

Json Sandbox::status() const { return gyre({"cluster", "status", "--json"}).json(); }

Json Sandbox::process(const std::string& id) const {
  const Json all = status();
  for (const auto& process : all["processes"]) {
    if (process["id"] == id) return process;
  }
  return nullptr;
}

Json Sandbox::partitions() const { return gyre({"cluster", "partitions", "--json"}).json(); }

std::string Sandbox::primary_of(const std::string& key) const {
  return gyre({"where", key, "--json"}).json().value("primary", "");
}

std::string Sandbox::key_on(const std::string& id, const std::string& prefix) const {
  for (int i = 0; i < 200; ++i) {
    std::string key = prefix + std::to_string(i);
    if (primary_of(key) == id) return key;
  }
  throw std::runtime_error("no key found on " + id);
}

std::string Sandbox::write_file(const std::string& name, const std::string& content) const {
  std::ofstream(dir_ / name, std::ios::binary) << content;
  return (dir_ / name).string();
}

std::string Sandbox::read_file(const fs::path& path) const { return read_all(path); }

Server::Server(const Sandbox& sandbox, const std::string& name, const Words& arguments)
    : log_(sandbox.dir() / name / "log") {
  fs::create_directories(log_.parent_path());
  Words words{GYRED_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  pid_ = spawn(sandbox.dir(), words, {"/dev/null", log_, log_});
}

Server::~Server() {
  if (status_) return;
  ::kill(pid_, SIGKILL);
  wait_for(pid_, 5s);
}

void Server::send(int signal) const {
  if (!status_) ::kill(pid_, signal);
}

std::optional<int> Server::wait(std::chrono::milliseconds limit) {
  if (!status_) status_ = wait_for(pid_, limit);
  return status_;
}

bool Server::log_contains(const std::string& text) const { return log().find(text) != std::string::npos; }

std::string Server::log() const { return read_all(log_); }

}  // namespace gyre::integration
