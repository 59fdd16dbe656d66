// What Redis clients of a router reach: the whole cluster, as if it were one Redis.
#pragma once

#include "net/caller.h"
#include "resp/backend.h"

namespace gyre::router {

// One for each loop; all its connections call through one Caller. There are no sessions: what was seen is known of all
// of them together, and not of each.
class RespBackend final : public resp::Backend {
 public:
  explicit RespBackend(net::Caller& caller) : Backend({.divides = true}), caller_(caller) {}

  const ring::ClusterMapPtr& map() const override { return caller_.map(); }
  redis::Parsed<messages::ReadConsistency> route(const resp::Client& client, const redis::Command& command,
                                                 std::optional<Slot> slot) const override;
  bool holds(PartitionId) const override { return true; }
  void ask(runtime::ResponderPtr from, Slot slot, messages::Request request, Instant deadline) override;
  std::optional<redis::Reply> redirect(Slot, const Error&) const override { return std::nullopt; }

 private:
  net::Caller& caller_;
};

}  // namespace gyre::router
