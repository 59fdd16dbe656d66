// The Redis clients that are connected to a process: what CLIENT LIST shows and CLIENT KILL ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "redis/command_table.h"
#include "resp/client.h"

namespace gyre::resp {

// What others see of one client. Its session tells, on its loop; anyone asks. THREAD: any.
class ClientEntry {
 public:
  // `end` closes its connection, from any thread.
  ClientEntry(const Client& client, std::function<void()> end);

  // Something that is shown has changed.
  void publish(const Client& client);
  void on_command(const redis::Command& command, Instant now);
  // Commands said since MULTI; none: there is no transaction.
  void on_transaction(std::optional<std::size_t> queued);

  std::uint64_t id() const { return id_; }
  const std::string& peer() const { return peer_; }
  const std::string& local() const { return local_; }
  Instant since() const { return since_; }
  bool is(const User& user) const;
  // As CLIENT LIST has it, with the end of the line.
  std::string line(Instant now) const;
  void end() const { end_(); }

 private:
  static constexpr std::int64_t kNoTransaction = -1;

  const std::uint64_t id_;
  const std::string peer_;
  const std::string local_;
  const Instant since_;
  const std::function<void()> end_;
  std::atomic<const redis::Command*> last_command_{nullptr};
  std::atomic<Instant> last_at_;
  std::atomic<std::int64_t> queued_{kNoTransaction};
  mutable std::mutex mutex_;  // guards what follows
  std::string name_;
  const User* user_ = nullptr;
  std::string flags_;
  std::string about_;  // the part of the line that comes from what the client set
};
using ClientEntryPtr = std::shared_ptr<ClientEntry>;

// THREAD: any.
class Clients {
 public:
  void add(ClientEntryPtr client);
  void remove(std::uint64_t id);
  std::vector<ClientEntryPtr> all() const;  // by id

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, ClientEntryPtr> clients_;
};

}  // namespace gyre::resp
