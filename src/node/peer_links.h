// Connections from one loop of this node to every other node, for one-way messages.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "messages/request.h"
#include "net/connection.h"
#include "ring/cluster_map.h"

namespace gyre::node {

struct PeerLinksOptions {
  NodeId self;
  Incarnation incarnation;
  wire::Limits limits;
  bool trust_refused = false;  // also beyond loopback
  net::Faults* faults = nullptr;  // of this process; outlives the links
};

// Keeps one connection open to each node of the newest map, so that a process that dies is noticed at once, and tries
// again for ever. What is sent while there is no connection is lost; its sender repeats it.
//
// THREAD: its loop's.
class PeerLinks : public std::enable_shared_from_this<PeerLinks> {
 public:
  // That process has refused a connection begun at this moment, and this is to be trusted: it is gone. Repeated with
  // each attempt.
  using OnRefused = std::function<void(const NodeId&, Incarnation, Instant tried_at)>;

  PeerLinks(net::Loop& loop, PeerLinksOptions options, OnRefused on_refused);

  void on_map(const ring::ClusterMapPtr& map);
  void send(const NodeId& to, messages::Message message);
  // What waits to leave for `to`, in bytes, about.
  std::size_t backlog(const NodeId& to) const;
  // Drops all connections and makes no more.
  void stop();

 private:
  class Handler;
  struct Peer {
    std::string address;
    Incarnation incarnation;  // by the newest map
    net::ConnectionPtr connection;
    std::uint64_t attempt = 0;  // only what belongs to the last one counts
    Instant connected_at;
  };

  void connect(const NodeId& node);
  void on_connected(const NodeId& node, std::uint64_t attempt, net::ConnectionPtr connection);
  void on_failed(const NodeId& node, std::uint64_t attempt, Incarnation incarnation, Instant tried_at, bool refused);
  void on_lost(const NodeId& node, std::uint64_t attempt);
  void connect_later(const NodeId& node, std::uint64_t attempt);
  void drop(Peer& peer);
  Peer* find(const NodeId& node, std::uint64_t attempt);

  net::Loop& loop_;
  PeerLinksOptions options_;
  OnRefused on_refused_;
  ClusterId cluster_;
  std::map<NodeId, Peer> peers_;
  std::uint64_t attempts_ = 0;
  bool stopped_ = false;
};

}  // namespace gyre::node
