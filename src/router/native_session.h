// One native connection to a router: gets, writes and scans are carried out by the cluster, and the router is all that
// the client sees of it.
#pragma once

#include <cstddef>
#include <memory>

#include "base/metrics.h"
#include "net/connection.h"
#include "resp/server.h"
#include "router/front_map.h"
#include "router/resp_backend.h"
#include "runtime/environment.h"

namespace gyre::router {

// THREAD: its connection's loop.
class NativeSession : public net::ConnectionHandler,
                      public runtime::Responder,
                      public std::enable_shared_from_this<NativeSession> {
 public:
  // What the sessions of a loop share; outlives them.
  struct Shared {
    RespBackend& backend;  // the same as for Redis clients: there is one cache, and writes of either kind drop from it
    FrontMap& front;
    resp::Server& server;
    Counter& malformed;  // connections closed because of what they sent
  };

  NativeSession(const Shared& shared, net::ConnectionPtr connection);

  void on_frame(messages::Frame frame) override;
  void on_closed(const Error& why) override;
  void respond(messages::Response response) override;
  // Reads nothing more; closes when the requests that are open are answered.
  void finish();
  bool closed() const { return connection_ == nullptr; }

 private:
  void carry_out(messages::Request request);
  void answer_map(RequestId id, Epoch known);
  Result<void> check(const messages::Request& request) const;
  void answer(RequestId id, messages::ResponseBody body);
  void close_if_done();

  const Shared& shared_;
  net::ConnectionPtr connection_;
  resp::Client client_;  // as which the backend knows it: one with a session of its own
  std::size_t in_flight_ = 0;
  bool holding_ = false;
  bool map_answered_ = false;  // in this turn
  bool finishing_ = false;
};

}  // namespace gyre::router
