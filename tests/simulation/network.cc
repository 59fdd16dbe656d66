#include "tests/simulation/network.h"

#include <algorithm>

namespace gyre::simulation {

void Network::close(const std::string& address) {
  endpoints_.erase(address);
  for (auto& [link, connection] : links_) {
    if (connection.to == address || connection.from == address) fail(link, delay(), "the peer is gone");
  }
}

Network::Link Network::connect(const std::string& from, const std::string& to, LinkEvents events) {
  const Link link = ++last_link_;
  links_[link] = {from, to, std::move(events), {}, {}, false};
  if (is_cut(links_[link])) {
    fail(link, kSilence, "no answer");
  } else if (!endpoints_.contains(to)) {
    fail(link, delay(), "connection refused");
  } else {
    scheduler_.after(delay(), [this, link] {
      Connection* connection = find(link);
      if (connection == nullptr) return;
      if (!endpoints_.contains(connection->to)) return fail(link, Duration(0), "connection refused");
      connection->up = true;
      connection->events.connected();
    });
  }
  return link;
}

void Network::send(Link link, messages::Request request) {
  Connection* connection = find(link);
  if (connection == nullptr) return;
  if (is_cut(*connection)) return fail(link, kSilence, "no answer");
  if (scheduler_.rng().chance(faults_.reset)) return fail(link, delay(), "connection reset");
  connection->last_there = std::max(connection->last_there, scheduler_.now() + delay());
  scheduler_.at(connection->last_there,
                [this, link, request = std::move(request)]() mutable { deliver(link, std::move(request)); });
}

void Network::deliver(Link link, messages::Request request) {
  Connection* connection = find(link);
  if (connection == nullptr) return;
  const auto endpoint = endpoints_.find(connection->to);
  if (endpoint == endpoints_.end()) return fail(link, Duration(0), "the peer is gone");
  endpoint->second.on_request(std::move(request),
                              [this, link](messages::Response response) { reply(link, std::move(response)); });
}

void Network::reply(Link link, messages::Response response) {
  Connection* connection = find(link);
  if (connection == nullptr) return;
  if (is_cut(*connection)) return fail(link, kSilence, "no answer");
  if (scheduler_.rng().chance(faults_.reset)) return fail(link, delay(), "connection reset");
  connection->last_back = std::max(connection->last_back, scheduler_.now() + delay());
  scheduler_.at(connection->last_back, [this, link, response = std::move(response)]() mutable {
    if (Connection* open = find(link)) open->events.response(std::move(response));
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

Duration Network::delay() {
  const Duration usual = scheduler_.between(faults_.delay_min, faults_.delay_max);
  if (!scheduler_.rng().chance(faults_.spike)) return usual;
  return usual + scheduler_.between(Duration(0), faults_.spike_max);
}

}  // namespace gyre::simulation
