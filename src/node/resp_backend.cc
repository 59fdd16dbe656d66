#include "node/resp_backend.h"

#include <utility>

#include <fmt/format.h>

#include "base/assert.h"

namespace gyre::node {

using redis::Reply;

redis::Parsed<messages::ReadConsistency> RespBackend::route(const resp::Client& client, const redis::Command& command,
                                                            std::optional<Slot> slot) const {
  GYRE_ASSERT(slot);
  if (view_.map == nullptr) {
    return redis::refuse("LOADING this node has no cluster map yet: it waits for its coordinator");
  }
  const auto& entry = view_.map->entry(view_.map->partitioning().of(*slot));
  if (refusing_) {
    if (auto elsewhere = moved(*slot)) return std::unexpected(*std::move(elsewhere));
    return redis::refuse("CLUSTERDOWN this node stops: ask another");
  }
  if (entry.primary == self_) return client.read;
  if (client.readonly && command.is(redis::kReadonly) && entry.find_in_sync(self_) != nullptr) {
    messages::ReadConsistency read = client.read;
    // READONLY says that whatever a member holds will do.
    if (read.level == messages::ReadLevel::primary) read.level = messages::ReadLevel::any;
    return read;
  }
  if (auto elsewhere = moved(*slot)) return std::unexpected(*std::move(elsewhere));
  return redis::refuse("CLUSTERDOWN Hash slot not served");
}

std::optional<Reply> RespBackend::moved(Slot slot) const {
  if (view_.map == nullptr) return std::nullopt;
  const auto& entry = view_.map->entry(view_.map->partitioning().of(slot));
  if (entry.primary.empty() || entry.primary == self_) return std::nullopt;
  const ring::NodeInfo* primary = view_.map->find_node(entry.primary);
  if (primary == nullptr || primary->addresses.resp.empty()) return std::nullopt;
  return Reply::error_text(fmt::format("MOVED {} {}", slot.value(), primary->addresses.resp));
}

void RespBackend::ask(runtime::ResponderPtr from, const resp::Client&, Slot slot, messages::Request request, Instant) {
  if (auto busy = view_.over_capacity()) {
    return from->respond({.id = request.id, .epoch = {}, .body = *std::move(busy)});
  }
  const HostSlot& owner = view_.owner_of(view_.map->partitioning().of(slot));
  if (owner.loop == view_.loop) return owner.host->on_request(std::move(from), std::move(request));
  owner.loop->post([host = owner.host, from = std::move(from), request = std::move(request)]() mutable {
    host->on_request(std::move(from), std::move(request));
  });
}

std::optional<messages::GetResponse> RespBackend::get_at_once(Slot slot, std::string_view key,
                                                              const messages::ReadConsistency& read) {
  if (view_.capacity) return std::nullopt;  // each request counts
  const auto partition = view_.map->partitioning().of(slot);
  const HostSlot& owner = view_.owner_of(partition);
  return owner.loop == view_.loop ? owner.host->get_at_once(partition, key, read) : std::nullopt;
}

// The map has moved on since the command was routed.
std::optional<Reply> RespBackend::redirect(Slot slot, const Error& why) const {
  // A member that is behind cannot be waited for as one can wait for a primary.
  const bool refused =
      why.code == ErrorCode::not_primary || why.code == ErrorCode::stale_map || why.code == ErrorCode::behind;
  return refused && why.outcome == Outcome::not_applied ? moved(slot) : std::nullopt;
}

}  // namespace gyre::node
