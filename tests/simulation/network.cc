#include "tests/simulation/network.h"

#include <algorithm>
#include <memory>

#include "base/assert.h"

namespace gyre::simulation {

HostId Network::add_host(std::string name) {
  const auto id = static_cast<HostId>(hosts_.size());
  by_address_[address_of(name)] = id;
  hosts_.push_back({std::move(name), true, nullptr});
  return id;
}

void Network::listen(HostId host, Endpoint endpoint) {
  hosts_[host].machine_up = true;
  hosts_[host].endpoint = std::make_shared<Endpoint>(std::move(endpoint));
}

void Network::close(HostId host, bool machine) {
  hosts_[host].endpoint = nullptr;
  hosts_[host].machine_up = !machine;
  for (auto& [link, connection] : links_) {
    if (connection.from == host) {
      fail(link, Duration(0), "the process is gone");
      if (!machine && connection.up && !is_cut(connection)) tell_lost(connection.to, host);
    } else if (connection.to == host) {
      fail(link, machine ? kSilence : delay(), "the peer is gone");
    }
  }
}

std::optional<HostId> Network::find_host(const std::string& name) const {
  const auto found = by_address_.find(address_of(name));
  return found == by_address_.end() ? std::nullopt : std::optional(found->second);
}

void Network::tell_lost(HostId to, HostId lost) {
  scheduler_.after(delay(), [this, to, lost] {
    const auto endpoint = hosts_[to].endpoint;
    if (endpoint && endpoint->on_peer_lost) endpoint->on_peer_lost(lost);
  });
}

Network::Port Network::port(HostId from, HostId to) const {
  if (is_cut(from, to) || is_cut(to, from) || !hosts_[to].machine_up) return Port::silent;
  return hosts_[to].endpoint ? Port::open : Port::refuses;
}

HostId Network::host_at(const std::string& address) const {
  const auto found = by_address_.find(address);
  GYRE_ASSERT(found != by_address_.end());
  return found->second;
}

// --- Connections ---

Network::Link Network::connect(HostId from, const std::string& address, LinkEvents events) {
  const Link link = ++last_link_;
  const HostId to = host_at(address);
  links_[link] = {from, to, std::move(events), {}, {}, false};
  switch (port(from, to)) {
    case Port::silent: fail(link, kConnectTimeout, "no answer"); break;
    case Port::refuses: fail(link, delay(), "connection refused"); break;
    case Port::open:
      scheduler_.after(delay(), [this, link] {
        Connection* connection = find(link);
        if (connection == nullptr) return;
        if (!hosts_[connection->to].endpoint) return fail(link, Duration(0), "connection refused");
        connection->up = true;
        const auto connected = connection->events.connected;
        connected();
      });
  }
  return link;
}

void Network::send(Link link, messages::Request request) {
  Connection* connection = find(link);
  if (connection == nullptr) return;
  if (is_cut(*connection)) return fail(link, kSilence, "no answer");
  if (chance(faults_.reset)) return fail(link, delay(), "connection reset");
  connection->last_there = std::max(connection->last_there, scheduler_.now() + delay());
  scheduler_.at(connection->last_there,
                [this, link, request = std::move(request)]() mutable { deliver(link, std::move(request)); });
}

void Network::deliver(Link link, messages::Request request) {
  Connection* connection = find(link);
  if (connection == nullptr) return;
  const auto endpoint = hosts_[connection->to].endpoint;
  if (!endpoint) return fail(link, Duration(0), "the peer is gone");
  endpoint->on_request(std::move(request),
                       [this, link](messages::Response response) { reply(link, std::move(response)); });
}

void Network::reply(Link link, messages::Response response) {
  Connection* connection = find(link);
  if (connection == nullptr) return;
  if (is_cut(*connection)) return fail(link, kSilence, "no answer");
  if (chance(faults_.reset)) return fail(link, delay(), "connection reset");
  connection->last_back = std::max(connection->last_back, scheduler_.now() + delay());
  scheduler_.at(connection->last_back, [this, link, response = std::move(response)]() mutable {
    Connection* open = find(link);
    if (open == nullptr) return;
    const auto deliver = open->events.response;  // it may forget the link
    deliver(std::move(response));
  });
}

void Network::fail(Link link, Duration after, std::string why) {
  scheduler_.after(after, [this, link, why = std::move(why)] {
    auto connection = links_.extract(link);
    if (connection.empty()) return;
    connection.mapped().events.failed({ErrorCode::unavailable, Outcome::not_applied, why, {}});
  });
}

Network::Connection* Network::find(Link link) {
  const auto found = links_.find(link);
  return found == links_.end() ? nullptr : &found->second;
}

// --- One-way messages ---

void Network::post(Envelope envelope) {
  if (trap_ && trap_(envelope)) return;
  if (is_cut(envelope.from, envelope.to) || chance(faults_.loss)) return;
  if (chance(faults_.duplicate)) {
    const Duration late = scheduler_.between(Duration(0), std::chrono::seconds(1));
    scheduler_.after(late, [this, again = envelope]() mutable { deliver(std::move(again)); });
  }
  scheduler_.after(delay(), [this, envelope = std::move(envelope)]() mutable { deliver(std::move(envelope)); });
}

void Network::deliver(Envelope envelope) {
  if (!is_cut(envelope.from, envelope.to)) release(std::move(envelope));
}

void Network::release(Envelope envelope) {
  if (const auto endpoint = hosts_[envelope.to].endpoint) {
    endpoint->on_message(envelope.sender, std::move(envelope.message));
  }
}

Duration Network::delay() {
  if (exact_) return faults_.delay_min;
  const Duration usual = scheduler_.between(faults_.delay_min, faults_.delay_max);
  if (!chance(faults_.spike)) return usual;
  return usual + scheduler_.between(Duration(0), faults_.spike_max);
}

}  // namespace gyre::simulation
