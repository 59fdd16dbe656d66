#include "node/map_keeper.h"

#include <chrono>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/log.h"
#include "wire/codec.h"

namespace gyre::node {

using replication::MapSource;

namespace {

// From one map that is kept to the next.
constexpr auto kRest = std::chrono::seconds(1);

}  // namespace

void MapKeeper::recall() {
  auto map = kept_map();
  if (!map) {
    spdlog::warn("the cluster map known last cannot be used, the coordinator is awaited: {}", map.error().message);
    return;
  }
  if (*map == nullptr) return;
  newest_ = published_ = kept_ = *std::move(map);
  callbacks_.publish(published_, MapSource::memory);
}

// Null: there is none. What this directory cannot have kept is somebody else's.
Result<ring::ClusterMapPtr> MapKeeper::kept_map() const {
  GYRE_TRY_SET(const auto bytes, data_.kept_map());
  if (!bytes) return ring::ClusterMapPtr();
  GYRE_TRY_SET(ring::ClusterMapPtr map, wire::decode_map(Bytes::copy_of(*bytes)));
  const ring::NodeInfo* self = map->find_node(data_.node());
  const bool known = map->cluster == data_.cluster() && map->epoch <= data_.map_epoch();
  if (!known || self == nullptr || self->data_id != data_.data_id() || self->incarnation >= data_.incarnation()) {
    return fail(ErrorCode::corrupt, "it is not of this node's data directory");
  }
  // By a newer one, data that this one tells of may have been given up.
  if (map->epoch < data_.map_epoch()) {
    return fail(ErrorCode::stale_map, fmt::format("it is of epoch {}, and the node has known {}", map->epoch.value(),
                                                  data_.map_epoch().value()));
  }
  return map;
}

void MapKeeper::on_map(ring::ClusterMapPtr map) {
  newest_ = std::move(map);
  go_on();
}

void MapKeeper::on_settled() {
  if (working_ || failed_ || !data_.may_lack_writes()) return;
  submit([this] { return data_.caught_up(); },
         [](const Result<void>& noted) {
           if (!noted) spdlog::error("{}", noted.error().message);
         });
}

// The disk's rest over, what is to be kept goes first: of maps that come faster than they are noted none would be.
void MapKeeper::go_on() {
  if (working_ || waiting_ || failed_) return;
  if (kept_ != published_ && !resting_) {
    keep();
  } else if (newest_ != published_) {
    store();
  }
}

void MapKeeper::finish() {
  if (failed_ || kept_ == published_) return;
  if (const auto synced = sync_and_keep(published_); !synced) spdlog::error("{}", synced.error().message);
}

void MapKeeper::store() {
  submit([this, map = newest_] { return data_.adopt_map(map->cluster, map->epoch); },
         [this, map = newest_](const Result<void>& stored) {
           if (!stored) return fail_storage(stored.error());
           published_ = map;
           callbacks_.publish(map, MapSource::store);
         });
}

void MapKeeper::keep() {
  submit([this, map = published_] { return sync_and_keep(map); },
         [this, map = published_](const Result<void>& synced) {
           if (!synced) return fail_storage(synced.error());
           kept_ = map;  // or will never be
           resting_ = true;
           callbacks_.after(kRest, [this] {
             resting_ = false;
             go_on();
           });
         });
}

// ERRORS: of the sync. Without the map a later start awaits the coordinator.
Result<void> MapKeeper::sync_and_keep(const ring::ClusterMapPtr& map) {
  GYRE_TRY(data_.sync_epoch());
  if (const auto kept = data_.keep_map(wire::encode_map(*map)); !kept) {
    spdlog::error("the next start will know no cluster map: {}", kept.error().message);
  }
  return {};
}

void MapKeeper::fail_storage(const Error& error) {
  failed_ = true;
  callbacks_.on_failed(error);
}

void MapKeeper::submit(std::function<Result<void>()> work, std::function<void(Result<void>)> done) {
  auto result = std::make_shared<Result<void>>();
  working_ = true;
  const auto submitted = callbacks_.run_blocking([work = std::move(work), result] { *result = work(); },
                                                 [this, done = std::move(done), result] {
                                                   working_ = false;
                                                   done(std::move(*result));
                                                   go_on();
                                                 });
  if (submitted) return;
  working_ = false;
  waiting_ = true;
  callbacks_.after(limits::kBusyRetryAfter, [this] {
    waiting_ = false;
    go_on();
  });
}

}  // namespace gyre::node
