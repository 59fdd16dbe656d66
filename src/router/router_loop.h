// One event loop of a router with everything it owns.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "net/caller.h"
#include "net/loop.h"
#include "resp/session.h"
#include "router/cluster_backend.h"
#include "router/front_map.h"
#include "router/native_session.h"

namespace gyre::router {

// Loops share nothing: each calls the cluster over connections of its own.
struct RouterLoop {
  RouterLoop(const std::string& name, net::CallerOptions options, ReadCache& cache, bool coalesces,
             resp::Server& server, Counter& malformed)
      : loop(name, net::Wakeup::queues),
        caller(loop, std::move(options)),
        backend(caller, cache, coalesces),
        shared{loop, backend, server, malformed},
        native_shared{backend, front, server, malformed} {}

  void accept(const net::ByteConnectionPtr& connection) {
    const auto session = std::make_shared<resp::Session>(shared, connection);
    std::erase_if(sessions, [](const auto& other) { return other.expired(); });
    sessions.push_back(session);
    connection->start(session);
  }
  void accept(const net::ConnectionPtr& connection) {
    const auto session = std::make_shared<NativeSession>(native_shared, connection);
    std::erase_if(native_sessions, [](const auto& other) { return other.expired(); });
    native_sessions.push_back(session);
    connection->start(session);
  }
  // Not what was said last.
  void warn_once(const std::string& sentence) {
    if (std::exchange(warned, sentence) != sentence) spdlog::warn("{}", sentence);
  }
  template <class Visit>
  void for_each_session(Visit visit) const {
    for (const auto& weak : sessions) {
      if (const auto session = weak.lock()) visit(*session);
    }
    for (const auto& weak : native_sessions) {
      if (const auto session = weak.lock()) visit(*session);
    }
  }

  net::Loop loop;
  net::Caller caller;
  ClusterBackend backend;
  FrontMap front;
  resp::Session::Shared shared;
  NativeSession::Shared native_shared;
  std::vector<std::weak_ptr<resp::Session>> sessions;
  std::vector<std::weak_ptr<NativeSession>> native_sessions;
  std::string warned;
};

}  // namespace gyre::router
