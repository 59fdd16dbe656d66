// One event loop of a node with everything it owns.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/blocking_pool.h"
#include "net/loop.h"
#include "node/loop_environment.h"
#include "node/peer_links.h"
#include "node/resp_backend.h"
#include "node/session.h"
#include "resp/session.h"
#include "runtime/partition_host.h"

namespace gyre::node {

struct NodeLoop {
  NodeLoop(const std::string& name, net::BlockingPool& pool, PeerLinksOptions peer_options);

  // Every kTick, on the loop.
  void tick();
  // From now on requests of clients are refused; messages still reach their hosts.
  void refuse_requests();

  net::Loop loop;
  net::BlockingPool& pool;
  std::shared_ptr<PeerLinks> peers;
  LoopEnvironment environment;  // of what is no host's
  std::vector<std::unique_ptr<LoopEnvironment>> host_environments;
  std::vector<std::unique_ptr<runtime::PartitionHost>> hosts;
  std::atomic<bool> settled{false};
  std::atomic<bool> settled_away{false};  // once it is told to stop
  std::atomic<std::size_t> serving{0};
  LoopView view;
  std::vector<std::weak_ptr<Session>> sessions;
  std::optional<RespBackend> resp_backend;               // none: Redis clients have no port
  std::optional<resp::Session::Shared> resp_shared;
  std::vector<std::weak_ptr<resp::Session>> resp_sessions;

  // Calls `visit` with each session of either kind that is still there.
  template <class Visit>
  void for_each_session(Visit visit) const {
    for (const auto& weak : sessions) {
      if (const auto session = weak.lock()) visit(*session);
    }
    for (const auto& weak : resp_sessions) {
      if (const auto session = weak.lock()) visit(*session);
    }
  }
};

enum class SessionTest : std::uint8_t { idle, closed };

// Keeps `done` until every session of the loop passes `test`, or until `give_up`. THREAD: the loop's.
void wait_for_sessions(NodeLoop& each, SessionTest test, Instant give_up,
                       const std::shared_ptr<std::promise<void>>& done);

}  // namespace gyre::node
