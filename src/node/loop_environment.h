// The world of the hosts of one loop: real clocks, the pool, the log.
#pragma once

#include <functional>
#include <utility>

#include "net/blocking_pool.h"
#include "net/loop.h"
#include "node/peer_links.h"
#include "runtime/environment.h"

namespace gyre::node {

class LoopEnvironment : public runtime::Environment {
 public:
  // `tell`: takes messages to the coordinator; runs on this loop.
  LoopEnvironment(net::Loop& loop, net::BlockingPool& pool, PeerLinks& peers,
                  std::function<void(messages::Message)> tell)
      : loop_(loop), pool_(pool), peers_(peers), tell_(std::move(tell)) {}

  replication::Moment now() override { return {net::steady_now(), net::wall_now()}; }
  Found found() const override { return {loop_.found().at, loop_.found().held_up}; }
  Result<void> run_blocking(runtime::Job work, runtime::Job done) override;
  void send(const NodeId& to, messages::Message message) override { peers_.send(to, std::move(message)); }
  std::size_t backlog(const NodeId& to) const override { return peers_.backlog(to); }
  void tell_coordinator(messages::Message message) override { tell_(std::move(message)); }
  void trace(PartitionId partition, const replication::RoleChanged& change) override;

 private:
  net::Loop& loop_;
  net::BlockingPool& pool_;
  PeerLinks& peers_;
  std::function<void(messages::Message)> tell_;
};

}  // namespace gyre::node
