// A virtual network of connections: in order while they hold, delayed, cut and broken at random.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "gyre/result.h"
#include "messages/request.h"
#include "tests/simulation/scheduler.h"

namespace gyre::simulation {

struct NetworkFaults {
  Duration delay_min = std::chrono::microseconds(20);
  Duration delay_max = std::chrono::microseconds(300);
  double spike = 0;  // chance of a message to take up to spike_max
  Duration spike_max = std::chrono::milliseconds(50);
  double reset = 0;  // chance of a message to break its connection instead
};

// What an endpoint does with what reaches it. Processes that are down have none.
struct Endpoint {
  // `reply` may be called later, or never.
  std::function<void(messages::Request, std::function<void(messages::Response)> reply)> on_request;
};

// What the side that opened a connection is told. None of it after forget().
struct LinkEvents {
  std::function<void()> connected;
  std::function<void(Error)> failed;  // could not connect, or the connection broke
  std::function<void(messages::Response)> response;
};

// Connections have the guarantees of TCP: what arrives, arrives in order and once; a connection that breaks loses what
// was under way. Between two hosts that are cut off nothing arrives, and the connection breaks only after kSilence.
class Network {
 public:
  using Link = std::uint64_t;
  static constexpr Duration kSilence = std::chrono::seconds(3);

  explicit Network(Scheduler& scheduler) : scheduler_(scheduler) {}

  NetworkFaults& faults() { return faults_; }
  void listen(const std::string& address, Endpoint endpoint) { endpoints_[address] = std::move(endpoint); }
  // The process is gone: its connections break, new ones are refused.
  void close(const std::string& address);

  void cut(const std::string& a, const std::string& b) { cuts_.insert(std::minmax(a, b)); }
  void heal() { cuts_.clear(); }

  Link connect(const std::string& from, const std::string& to, LinkEvents events);
  void send(Link link, messages::Request request);
  void forget(Link link) { links_.erase(link); }

 private:
  struct Connection {
    std::string from;
    std::string to;
    LinkEvents events;
    Instant last_there;  // nothing overtakes within one direction
    Instant last_back;
    bool up = false;
  };

  bool is_cut(const Connection& c) const { return cuts_.contains(std::minmax(c.from, c.to)); }
  Connection* find(Link link);
  Duration delay();
  void deliver(Link link, messages::Request request);
  void reply(Link link, messages::Response response);
  void fail(Link link, Duration after, std::string why);

  Scheduler& scheduler_;
  NetworkFaults faults_;
  std::map<std::string, Endpoint> endpoints_;
  std::set<std::pair<std::string, std::string>> cuts_;
  std::map<Link, Connection> links_;
  Link last_link_ = 0;
};

}  // namespace gyre::simulation
