// What Redis clients of a router reach: the whole cluster, as if it were one Redis.
#pragma once

#include "net/caller.h"
#include "resp/backend.h"

namespace gyre::router {

// One for each loop; all its connections call through one Caller, so what one of them has seen counts for the session
// reads of all.
class RespBackend final : public resp::Backend {
 public:
  // `deadline`: of each request.
  RespBackend(net::Caller& caller, Duration deadline)
      : Backend({.divides = true, .has_sessions = true}), caller_(caller), deadline_(deadline) {}

  // From now on commands with keys are refused.
  void refuse_requests() { refusing_ = true; }

  const ring::ClusterMapPtr& map() const override { return caller_.map(); }
  redis::Parsed<messages::ReadConsistency> route(const resp::Client& client, const redis::Command& command,
                                                 std::optional<Slot> slot) const override;
  void ask(runtime::ResponderPtr from, Slot slot, messages::Request request) override;
  std::optional<redis::Reply> redirect(Slot, const Error&) const override { return std::nullopt; }

 private:
  net::Caller& caller_;
  const Duration deadline_;
  bool refusing_ = false;
};

}  // namespace gyre::router
