// What Redis clients of a node reach: the hosts of its partitions, and by MOVED the other nodes.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "node/session.h"
#include "resp/backend.h"

namespace gyre::node {

// As a node of a Redis Cluster: a command goes to the primary of its slot, or to a member where the client said that
// this will do.
class RespBackend final : public resp::Backend {
 public:
  RespBackend(LoopView& view, const NodeId& self)
      : Backend({.keeps_order = true, .prefetches = true}), view_(view), self_(self) {}

  // From now on commands with keys go elsewhere.
  void refuse_requests() { refusing_ = true; }

  const ring::ClusterMapPtr& map() const override { return view_.map; }
  redis::Parsed<messages::ReadConsistency> route(const resp::Client& client, const redis::Command& command,
                                                 std::optional<Slot> slot) const override;
  bool holds(PartitionId partition) const override { return view_.map->entry(partition).primary == self_; }
  void ask(runtime::ResponderPtr from, const resp::Client& client, Slot slot, messages::Request request,
           Instant deadline) override;
  std::optional<messages::GetResponse> get_at_once(Slot slot, std::string_view key,
                                                   const messages::ReadConsistency& read) override;
  void prefetch(std::span<const std::string_view> keys) override { view_.prefetch(keys); }
  std::optional<redis::Reply> redirect(Slot slot, const Error& why) const override;

 private:
  // Where the slot is served, if that is elsewhere.
  std::optional<redis::Reply> moved(Slot slot) const;

  LoopView& view_;
  const NodeId self_;
  bool refusing_ = false;
};

}  // namespace gyre::node
