// What clients of a router reach, those of Redis and native ones: the whole cluster, as if it were one server.
#pragma once

#include "net/caller.h"
#include "resp/backend.h"
#include "router/coalescer.h"
#include "router/read_cache.h"

namespace gyre::router {

// One for each loop; all its connections call through one Caller. What each of them has seen comes with its requests.
class ClusterBackend final : public resp::Backend {
 public:
  // Both outlive it. The cache is of all loops.
  ClusterBackend(net::Caller& caller, ReadCache& cache, bool coalesces)
      : Backend({.divides = true}), caller_(caller), cache_(cache), coalesces_(coalesces) {}

  const ring::ClusterMapPtr& map() const override { return caller_.map(); }
  redis::Parsed<messages::ReadConsistency> route(const resp::Client& client, const redis::Command& command,
                                                 std::optional<Slot> slot) const override;
  bool holds(PartitionId) const override { return true; }
  void ask(runtime::ResponderPtr from, const resp::Client& client, Slot slot, messages::Request request,
           Instant deadline) override;
  std::optional<redis::Reply> redirect(Slot, const Error&) const override { return std::nullopt; }

  const Coalescer& coalescer() const { return coalescer_; }

 private:
  void read(messages::GetRequest read, Coalescer::Reader reader, const resp::Client& client, Instant deadline);
  void send(Coalescer::Group group, std::uint64_t affinity, bool in_session);
  void on_answer(const Coalescer::Group& group, Result<messages::ResponseBody> result, std::uint64_t affinity);
  void write(messages::WriteRequest write, Coalescer::Reader writer, const resp::Client& client, Instant deadline);
  void drop(const std::vector<Bytes>& keys);
  net::Caller& caller_;
  ReadCache& cache_;
  const bool coalesces_;
  Coalescer coalescer_;
};

}  // namespace gyre::router
