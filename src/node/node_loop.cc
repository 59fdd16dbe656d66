#include "node/node_loop.h"

#include <utility>

namespace gyre::node {

NodeLoop::NodeLoop(const std::string& name, net::BlockingPool& pool_given, PeerLinksOptions peer_options)
    : loop(name, net::Wakeup::queues),
      pool(pool_given),
      peers(std::make_shared<PeerLinks>(loop, std::move(peer_options),
                                        [this](const NodeId& node, Incarnation incarnation, Instant tried_at) {
                                          for (auto& host : hosts) {
                                            host->on_peer_refused(node, incarnation, tried_at);
                                          }
                                        })),
      environment(loop, pool, *peers, [](const messages::Message&) {}) {}

void NodeLoop::tick() {
  bool all_settled = true;
  bool all_away = true;
  std::size_t served = 0;
  for (auto& host : hosts) {
    host->on_tick();
    all_settled = all_settled && host->settled();
    all_away = all_away && host->stopping() && host->settled_away();
    served += host->partitions_served();
  }
  settled.store(all_settled, std::memory_order_relaxed);
  settled_away.store(all_away, std::memory_order_relaxed);
  serving.store(served, std::memory_order_relaxed);
}

void NodeLoop::refuse_requests() {
  for (const auto& weak : sessions) {
    if (const auto session = weak.lock()) session->refuse_requests();
  }
  if (resp_backend) resp_backend->refuse_requests();
}

void wait_for_sessions(NodeLoop& each, SessionTest test, Instant give_up,
                       const std::shared_ptr<std::promise<void>>& done) {
  bool all = true;
  each.for_each_session(
      [&](const auto& session) { all = all && (session.closed() || (test == SessionTest::idle && session.idle())); });
  if (all || net::steady_now() >= give_up) return done->set_value();
  each.loop.after(std::chrono::milliseconds(5),
                  [&each, test, give_up, done] { wait_for_sessions(each, test, give_up, done); });
}

}  // namespace gyre::node
