#include "resp/clients.h"

#include <utility>

#include <fmt/format.h>

namespace gyre::resp {

namespace {

std::int64_t seconds_between(Instant from, Instant to) {
  return std::chrono::duration_cast<std::chrono::seconds>(to - from).count();
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
  if (flags.empty()) flags = "N";
  const std::size_t room = client.input_capacity - std::min(client.input_capacity, client.input_bytes);
  std::string about = fmt::format(
      "flags={} db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf={} qbuf-free={} omem={} user={} redir=-1 resp={} "
      "lib-name={} lib-ver={}",
      flags, client.input_bytes, room, client.output_bytes, client.user != nullptr ? client.user->name : "(none)",
      std::to_underlying(client.version), client.library, client.library_version);
  const std::lock_guard lock(mutex_);
  name_ = client.name;
  user_ = client.user;
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

std::string ClientEntry::line(Instant now) const {
  const redis::Command* command = last_command_.load(std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  return fmt::format("id={} addr={} laddr={} name={} age={} idle={} {} cmd={}\n", id_, peer_, local_, name_,
                     seconds_between(since_, now),
                     std::max<std::int64_t>(seconds_between(last_at_.load(std::memory_order_relaxed), now), 0), about_,
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
