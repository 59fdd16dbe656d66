#include "resp/clients.h"

#include <utility>

#include <fmt/format.h>

namespace gyre::resp {

namespace {

std::int64_t seconds_of(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

}  // namespace

ClientEntry::ClientEntry(const Client& client, std::function<void()> end)
    : id_(client.id),
      peer_(client.peer),
      local_(client.local),
      since_(client.since),
      end_(std::move(end)),
      last_at_(client.since) {
  publish(client);
}

void ClientEntry::publish(const Client& client) {
  std::string flags;
  if (client.readonly) flags += 'r';
  if (client.no_evict) flags += 'e';
  const std::size_t room = client.input_capacity - std::min(client.input_capacity, client.input_bytes);
  std::string about =
      fmt::format("qbuf={} qbuf-free={} omem={} user={} redir=-1 resp={} lib-name={} lib-ver={}", client.input_bytes,
                  room, client.output_bytes, client.user != nullptr ? client.user->name : "(none)",
                  std::to_underlying(client.version), client.library, client.library_version);
  const std::lock_guard lock(mutex_);
  name_ = client.name;
  user_ = client.user;
  flags_ = std::move(flags);
  about_ = std::move(about);
}

bool ClientEntry::is(const User& user) const {
  const std::lock_guard lock(mutex_);
  return user_ == &user;
}

void ClientEntry::on_command(const redis::Command& command, Instant now) {
  last_command_.store(&command, std::memory_order_relaxed);
  last_at_.store(now, std::memory_order_relaxed);
}

void ClientEntry::on_transaction(std::optional<std::size_t> queued) {
  queued_.store(queued ? static_cast<std::int64_t>(*queued) : kNoTransaction, std::memory_order_relaxed);
}

std::string ClientEntry::line(Instant now) const {
  const redis::Command* command = last_command_.load(std::memory_order_relaxed);
  const std::int64_t queued = queued_.load(std::memory_order_relaxed);
  const Duration idle = std::max(now - last_at_.load(std::memory_order_relaxed), Duration(0));
  const std::lock_guard lock(mutex_);
  std::string flags = (queued == kNoTransaction ? "" : "x") + flags_;
  if (flags.empty()) flags = "N";
  return fmt::format(
      "id={} addr={} laddr={} name={} age={} idle={} flags={} db=0 sub=0 psub=0 ssub=0 multi={} {} cmd={}\n", id_,
      peer_, local_, name_, seconds_of(now - since_), seconds_of(idle), flags, queued, about_,
      command == nullptr ? "NULL" : command->name);
}

void Clients::add(ClientEntryPtr client) {
  const std::lock_guard lock(mutex_);
  clients_.emplace(client->id(), std::move(client));
}

void Clients::remove(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  clients_.erase(id);
}

std::vector<ClientEntryPtr> Clients::all() const {
  std::vector<ClientEntryPtr> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, client] : clients_) all.push_back(client);
  return all;
}

}  // namespace gyre::resp
