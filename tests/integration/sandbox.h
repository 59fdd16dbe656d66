// Where an integration test lives: a temporary directory, free ports, and every process started in it. Must not know
// anything of Gyre but its two programs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace gyre::integration {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

// What a program that has ended left behind.
struct Output {
  int status = -1;  // exit status; -1: killed by a signal, or by us after too long
  std::string out;
  std::string err;

  // Standard output as JSON; null if it is none.
  Json json() const { return Json::parse(out, nullptr, false); }
};

// Asks every 20 ms until it holds. False: it did not within `limit`.
bool eventually(std::chrono::milliseconds limit, const std::function<bool()>& holds);

struct HttpAnswer {
  int status = 0;  // 0: no answer
  std::string body;
  std::string type;
};
HttpAnswer http_get(const std::string& address, const std::string& path);

// A temporary directory whose processes are killed, and which is deleted, at the end.
class Sandbox {
 public:
  Sandbox();
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  const std::filesystem::path& dir() const { return dir_; }
  // The directory of the cluster that gyre() talks to.
  std::filesystem::path cluster_dir() const { return dir_ / "cluster"; }

  // Runs `gyre --dir cluster_dir() words...`. Standard input is `input`.
  Output gyre(const Words& words, const std::string& input = {}) const;
  // Runs gyre with these words alone.
  Output gyre_anywhere(const Words& words, const std::string& input = {}) const;
  // A new cluster at free ports; with few partitions, to be quick, unless `more` says how many.
  Output up(const Words& more = {}) const;

  // The first of `count` free ports in a row.
  static std::uint16_t free_ports(std::uint16_t count);

  // `gyre cluster status --json`, and of it the process called `id`.
  Json status() const;
  Json process(const std::string& id) const;
  // `gyre cluster partitions --json`.
  Json partitions() const;
  // "primary" of `gyre where KEY --json`.
  std::string primary_of(const std::string& key) const;
  // The first of the keys prefix0, prefix1, ... that lives on node `id`.
  std::string key_on(const std::string& id, const std::string& prefix = "key") const;

  // Writes a file into the directory and gives its path.
  std::string write_file(const std::string& name, const std::string& content) const;
  std::string read_file(const std::filesystem::path& path) const;

 private:
  std::filesystem::path dir_;
};

// A gyred started by the test itself, so that its exit status can be seen. Killed at the end if it still runs.
class Server {
 public:
  Server(const Sandbox& sandbox, const std::string& name, const Words& arguments);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  pid_t pid() const { return pid_; }
  void send(int signal) const;
  // Its exit status (128 + signal if killed by one); none: it still runs after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit);
  bool log_contains(const std::string& text) const;
  std::string log() const;

 private:
  std::filesystem::path log_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

}  // namespace gyre::integration
