// One native connection to a router: gets, writes and scans are carried out by the cluster, and the router is all that
// the client sees of it.
#pragma once

#include <memory>

#include "base/metrics.h"
#include "net/request_session.h"
#include "resp/server.h"
#include "router/cluster_backend.h"
#include "router/front_map.h"
#include "runtime/environment.h"

namespace gyre::router {

// THREAD: its connection's loop.
class NativeSession : public net::RequestSession,
                      public runtime::Responder,
                      public std::enable_shared_from_this<NativeSession> {
 public:
  // What the sessions of a loop share; outlives them.
  struct Shared {
    // The same as for Redis clients: there is one cache, and writes of either kind drop from it.
    ClusterBackend& backend;
    FrontMap& front;
    resp::Server& server;
    Counter& malformed;  // connections closed because of what they sent
  };

  NativeSession(const Shared& shared, net::ConnectionPtr connection);

  void respond(messages::Response response) override;

 private:
  void on_request(messages::Request request) override;
  void answer_map(RequestId id, Epoch known);
  Result<void> check(const messages::Request& request) const;
  void answer(RequestId id, messages::ResponseBody body);

  const Shared& shared_;
  resp::Client client_;  // as which the backend knows it: one with a session of its own
};

}  // namespace gyre::router
