// A virtual network: connections for requests, one-way messages, and every way in which they can fail.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gyre/result.h"
#include "messages/request.h"
#include "tests/simulation/scheduler.h"

namespace gyre::simulation {

// A machine with at most one process at its only port, "NAME:1".
using HostId = std::uint32_t;

struct NetworkFaults {
  Duration delay_min = std::chrono::microseconds(20);
  Duration delay_max = std::chrono::microseconds(300);
  double spike = 0;  // chance of anything that travels to take up to spike_max
  Duration spike_max = std::chrono::milliseconds(50);
  double reset = 0;      // chance of a request or answer to break its connection instead
  double loss = 0;       // of a one-way message
  double duplicate = 0;  // of a one-way message: it comes again, up to a second later
};

// What the process at a host does with what reaches it.
struct Endpoint {
  // `reply` may be called later, or never.
  std::function<void(messages::Request, std::function<void(messages::Response)> reply)> on_request;
  std::function<void(const messages::Sender&, messages::Message)> on_message;
  // A connection that this host had opened broke. May be empty.
  std::function<void(HostId)> on_peer_lost = {};
};

// What the side that opened a connection is told. None of it after forget().
struct LinkEvents {
  std::function<void()> connected;
  std::function<void(Error)> failed;  // could not connect, or the connection broke
  std::function<void(messages::Response)> response;
};

// A one-way message on its way.
struct Envelope {
  HostId from;
  HostId to;
  messages::Sender sender;
  messages::Message message;
};

// Connections have the guarantees of TCP: what arrives, arrives in order and once; a connection that breaks loses what
// was under way. One-way messages have none. Between two hosts that are cut off nothing arrives (each direction is cut
// on its own), and a connection breaks only after kSilence.
class Network {
 public:
  using Link = std::uint64_t;
  static constexpr Duration kSilence = std::chrono::seconds(3);
  static constexpr Duration kConnectTimeout = std::chrono::seconds(1);  // as of the client library

  explicit Network(Scheduler& scheduler) : scheduler_(scheduler) {}

  HostId add_host(std::string name);
  const std::string& name(HostId host) const { return hosts_[host].name; }
  static std::string address_of(const std::string& name) { return name + ":1"; }
  // None: no such host.
  std::optional<HostId> find_host(const std::string& name) const;
  std::size_t hosts() const { return hosts_.size(); }

  NetworkFaults& faults() { return faults_; }
  // What gets through a cut sees none of the random faults while this holds.
  void set_exact(bool exact) { exact_ = exact; }

  void listen(HostId host, Endpoint endpoint);
  // The process is gone: its connections break, new ones are refused; if the machine is gone, nothing answers.
  void close(HostId host, bool machine);
  // The machine is back, but no process listens yet.
  void set_machine_up(HostId host) { hosts_[host].machine_up = true; }

  void cut(HostId from, HostId to) { cuts_.insert({from, to}); }
  void cut_both(HostId a, HostId b) { cut(a, b), cut(b, a); }
  void heal(HostId from, HostId to) { cuts_.erase({from, to}); }
  void heal_all() { cuts_.clear(); }
  bool is_cut(HostId from, HostId to) const { return cuts_.contains({from, to}); }

  // What an attempt to connect meets now.
  enum class Port : std::uint8_t { open, refuses, silent };
  Port port(HostId from, HostId to) const;

  Link connect(HostId from, const std::string& address, LinkEvents events);
  void send(Link link, messages::Request request);
  void forget(Link link) { links_.erase(link); }

  void post(Envelope envelope);
  // Sees every one-way message when it is sent; true: it is taken out of the network (release() brings it back).
  using Trap = std::function<bool(const Envelope&)>;
  void set_trap(Trap trap) { trap_ = std::move(trap); }
  // Delivers at once, whatever is cut.
  void release(Envelope envelope);
  Duration delay();

 private:
  struct Host {
    std::string name;
    bool machine_up = true;
    std::shared_ptr<Endpoint> endpoint;  // null: no process
  };
  struct Connection {
    HostId from;
    HostId to;
    LinkEvents events;
    WorldTime last_there;  // nothing overtakes within one direction
    WorldTime last_back;
    bool up = false;
  };

  HostId host_at(const std::string& address) const;
  // A connection needs both directions.
  bool is_cut(const Connection& c) const { return is_cut(c.from, c.to) || is_cut(c.to, c.from); }
  Connection* find(Link link);
  void deliver(Link link, messages::Request request);
  void reply(Link link, messages::Response response);
  void deliver(Envelope envelope);
  void tell_lost(HostId to, HostId lost);
  void fail(Link link, Duration after, std::string why);
  bool chance(double probability) { return !exact_ && probability > 0 && scheduler_.rng().chance(probability); }

  Scheduler& scheduler_;
  NetworkFaults faults_;
  bool exact_ = false;
  std::vector<Host> hosts_;
  std::map<std::string, HostId> by_address_;
  std::set<std::pair<HostId, HostId>> cuts_;
  std::map<Link, Connection> links_;
  Link last_link_ = 0;
  Trap trap_;
};

}  // namespace gyre::simulation
