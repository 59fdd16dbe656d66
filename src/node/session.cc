#include "node/session.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"

namespace gyre::node {

using messages::DigestRequest;
using messages::FaultsRequest;
using messages::GetRequest;
using messages::HotRequest;
using messages::LostRequest;
using messages::MapRequest;
using messages::PartitionsRequest;
using messages::Request;
using messages::ScanRequest;
using messages::WriteRequest;

namespace {

// The partition by which a request is routed; its host checks the rest. None: not a request of data.
std::optional<PartitionId> routed_by(const Request& request, const ring::Partitioning& partitioning) {
  if (const auto* get = std::get_if<GetRequest>(&request.body)) return partitioning.of(get->key);
  if (const auto* scan = std::get_if<ScanRequest>(&request.body)) return scan->partition;
  if (const auto* digest = std::get_if<DigestRequest>(&request.body)) return digest->partition;
  const auto* write = std::get_if<WriteRequest>(&request.body);
  if (write == nullptr || write->operations.empty()) return std::nullopt;
  return partitioning.of(write->operations.front().key);
}

// The partition that a message between members is about. None: nothing that a node says to another.
std::optional<PartitionId> partition_of(const messages::Message& message) {
  return std::visit(
      []<class M>(const M& m) -> std::optional<PartitionId> {
        constexpr bool between_members =
            std::is_same_v<M, messages::Append> || std::is_same_v<M, messages::AppendAck> ||
            std::is_same_v<M, messages::GivenUp> || std::is_same_v<M, messages::FetchKeys> ||
            std::is_same_v<M, messages::FetchedKeys> || std::is_same_v<M, messages::SnapshotAsk> ||
            std::is_same_v<M, messages::SnapshotChunk> || std::is_same_v<M, messages::RetireAsk> ||
            std::is_same_v<M, messages::RetireAnswer>;
        if constexpr (between_members) return m.partition;
        return std::nullopt;
      },
      message);
}

// Hottest first; of equally hot ones in the order of their names.
void order_hot(messages::HotResponse& hot, std::size_t keys_max) {
  std::ranges::sort(hot.keys, [](const messages::HotKey& left, const messages::HotKey& right) {
    return std::tuple(-left.per_second, left.key.view()) < std::tuple(-right.per_second, right.key.view());
  });
  if (hot.keys.size() > keys_max) hot.keys.resize(keys_max);
  std::ranges::sort(hot.partitions, {}, [](const messages::LoadReport::Item& item) {
    const auto per_second = std::int64_t{item.reads_per_second} + item.writes_per_second;
    return std::tuple(-per_second, item.partition);
  });
}

}  // namespace

std::optional<Error> LoopView::over_capacity() {
  if (!capacity) return std::nullopt;
  const Duration wait = capacity->take(net::steady_now());
  if (wait == Duration(0)) return std::nullopt;
  return Error{ErrorCode::busy, Outcome::not_applied, "this node serves no more requests a second (--capacity)",
               std::chrono::ceil<std::chrono::milliseconds>(wait)};
}

// A host sees to its own keys.
void LoopView::prefetch(std::span<const std::string_view> keys) const {
  if (map == nullptr) return;
  GYRE_ASSERT(keys.size() <= limits::kKeysAhead);
  const ring::Partitioning partitioning = map->partitioning();
  for (const HostSlot& here : *hosts) {
    if (here.loop != loop) continue;
    std::array<runtime::RecordCache::Key, limits::kKeysAhead> own;
    std::size_t count = 0;
    for (const std::string_view key : keys) {
      const PartitionId partition = partitioning.of(key);
      if (owner_of(partition).host == here.host) own[count++] = {partition, key};
    }
    here.host->prefetch(std::span(own).first(count));
  }
}

Session::Session(LoopView& view, net::ConnectionPtr connection)
    : RequestSession(std::move(connection), *view.malformed, "the node stops"), view_(view) {}

// Of a router, say, which sends those of many clients together.
void Session::expect(std::span<const Request> requests) {
  std::array<std::string_view, limits::kKeysAhead> keys;
  std::size_t count = 0;
  for (const Request& request : requests) {
    const auto* get = std::get_if<GetRequest>(&request.body);
    if (get != nullptr && count < keys.size()) keys[count++] = get->key;
  }
  if (count > 1) view_.prefetch(std::span(keys).first(count));
}

// What comes before this node knows its cluster, from another one, or from a node that the map does not name is
// dropped: its sender repeats what matters.
void Session::on_messages(const messages::Sender& sender, std::vector<messages::Message> messages) {
  if (view_.map == nullptr || sender.cluster != view_.map->cluster) return;
  if (view_.map->find_node(sender.node) == nullptr) return;
  std::vector<std::vector<messages::Message>> elsewhere(view_.hosts->size());
  for (messages::Message& message : messages) {
    const auto partition = partition_of(message);
    if (!partition || partition->value() >= view_.map->shape.partitions) continue;
    const std::size_t host = partition->value() % view_.hosts->size();
    const HostSlot& slot = (*view_.hosts)[host];
    if (slot.loop == view_.loop) {
      slot.host->on_message(sender, std::move(message));
    } else {
      elsewhere[host].push_back(std::move(message));
    }
  }
  for (std::size_t host = 0; host < elsewhere.size(); ++host) {
    if (elsewhere[host].empty()) continue;
    const HostSlot& slot = (*view_.hosts)[host];
    slot.loop->post([host = slot.host, sender, messages = std::move(elsewhere[host])]() mutable {
      for (messages::Message& message : messages) host->on_message(sender, std::move(message));
    });
  }
}

void Session::on_request(Request request) {
  if (refusing_) {
    return answer(request.id, Error{ErrorCode::unavailable, Outcome::not_applied, "this node stops: ask another", {}});
  }
  if (const auto* asked = std::get_if<MapRequest>(&request.body)) return answer_map(request.id, asked->known);
  if (std::holds_alternative<PartitionsRequest>(request.body)) return answer_partitions(request.id);
  if (const auto* hot = std::get_if<HotRequest>(&request.body)) return answer_hot(request.id, hot->keys_max);
  if (const auto* lost = std::get_if<LostRequest>(&request.body)) return answer_lost(request.id, lost->after);
  if (const auto* faults = std::get_if<FaultsRequest>(&request.body)) return answer_faults(request.id, *faults);
  if (view_.map == nullptr) {
    return answer(request.id, Error{ErrorCode::unavailable,
                                    Outcome::not_applied,
                                    "this node has no cluster map yet: it waits for its coordinator",
                                    {}});
  }
  const auto partition = routed_by(request, view_.map->partitioning());
  if (!partition) {
    return answer(request.id, Error{ErrorCode::unsupported,
                                    Outcome::not_applied,
                                    "this is a node: send joins, heartbeats, status, events, and what changes the "
                                    "cluster, to the coordinator",
                                    {}});
  }
  if (auto busy = view_.over_capacity()) return answer(request.id, *std::move(busy));
  const HostSlot& slot = view_.owner_of(*partition);
  if (slot.loop == view_.loop) return slot.host->on_request(shared_from_this(), std::move(request));
  slot.loop->post([host = slot.host, self = shared_from_this(), request = std::move(request)]() mutable {
    host->on_request(self, std::move(request));
  });
}

// Who knows a map of late is told what changed since.
void Session::answer_map(RequestId id, Epoch known) {
  const bool newer = view_.map && view_.map->epoch > known;
  if (!newer) return answer(id, messages::MapResponse{});
  if (!take_map_turn()) return answer(id, map_is_on_its_way());
  answer(id, messages::MapResponse{view_.history->since(known)});
}

// Reports on the node itself are large and their requests small, too: one at a time. False: refused.
bool Session::begin_report(RequestId id) {
  if (!std::exchange(reporting_, true)) return true;
  answer(id, Error{ErrorCode::busy, Outcome::not_applied,
                   "this connection waits for a report of this node already: ask for one at a time",
                   limits::kBusyRetryAfter});
  return false;
}

template <class Response, class Ask, class Add, class Finish>
void Session::gather(RequestId id, Ask ask, Add add, Finish finish) {
  if (!begin_report(id)) return;
  struct Gathering {
    std::atomic<std::size_t> open;
    std::mutex mutex;
    Response response;  // guarded by mutex
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->open = view_.hosts->size();
  for (const HostSlot& slot : *view_.hosts) {
    slot.loop->post([host = slot.host, self = shared_from_this(), id, gathering, ask, add, finish] {
      auto part = ask(*host);
      {
        const std::lock_guard lock(gathering->mutex);
        add(gathering->response, std::move(part));
      }
      if (--gathering->open > 0) return;
      finish(gathering->response);
      self->view_.loop->post([self, id, gathering] {
        self->reporting_ = false;
        self->answer(id, std::move(gathering->response));
      });
    });
  }
}

void Session::answer_partitions(RequestId id) {
  gather<messages::PartitionsResponse>(
      id, [](const runtime::PartitionHost& host) { return host.statuses(); },
      [](messages::PartitionsResponse& all, auto statuses) {
        std::ranges::move(statuses, std::back_inserter(all.partitions));
      },
      [](messages::PartitionsResponse& all) {
        std::ranges::sort(all.partitions, {}, &messages::PartitionStatus::partition);
      });
}

// The hottest of all hosts are among the hottest of each.
void Session::answer_hot(RequestId id, std::size_t keys_max) {
  gather<messages::HotResponse>(
      id, [keys_max](const runtime::PartitionHost& host) { return host.hot(keys_max); },
      [](messages::HotResponse& all, messages::HotResponse part) {
        std::ranges::move(part.keys, std::back_inserter(all.keys));
        std::ranges::move(part.partitions, std::back_inserter(all.partitions));
      },
      [keys_max](messages::HotResponse& all) { order_hot(all, keys_max); });
}

void Session::answer_faults(RequestId id, const FaultsRequest& request) {
  auto served = view_.faults->serve(request);
  if (!served) return answer(id, std::move(served).error());
  answer(id, *std::move(served));
}

void Session::answer_lost(RequestId id, std::uint64_t after) {
  if (!begin_report(id)) return;
  auto page = std::make_shared<Result<messages::LostResponse>>();
  const auto submitted = view_.environment->run_blocking(
      [ledger = view_.ledger, after, page] { *page = ledger->page(after, limits::kLostPageItemsMax); },
      [self = shared_from_this(), id, page] {
        self->reporting_ = false;
        if (!*page) return self->answer(id, std::move(*page).error());
        self->answer(id, std::move(**page));
      });
  if (submitted) return;
  reporting_ = false;
  answer(id, submitted.error());
}

void Session::answer(RequestId id, messages::ResponseBody body) {
  send({id, view_.map ? view_.map->epoch : Epoch(0), std::move(body)});
}

void Session::respond(messages::Response response) {
  if (view_.loop->on_this_thread()) return send(std::move(response));
  view_.loop->post(
      [self = shared_from_this(), response = std::move(response)]() mutable { self->send(std::move(response)); });
}

}  // namespace gyre::node
