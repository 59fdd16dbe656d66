// One connection to a node, of a client or of another node: hands requests and messages to the hosts of their
// partitions and sends the answers back.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/token_bucket.h"
#include "net/faults.h"
#include "net/request_session.h"
#include "ring/map_delta.h"
#include "runtime/environment.h"
#include "runtime/partition_host.h"
#include "storage/ledger.h"

namespace gyre::node {

// A partition host and the loop that owns it.
struct HostSlot {
  net::Loop* loop = nullptr;
  runtime::PartitionHost* host = nullptr;
};

// What the sessions of one loop share. Written on that loop only.
struct LoopView {
  net::Loop* loop = nullptr;
  ring::ClusterMapPtr map;              // the newest this loop has seen
  std::shared_ptr<const ring::MapHistory> history;  // with that map; null: there is none yet
  const std::vector<HostSlot>* hosts;   // by partition mod their number
  Counter* malformed = nullptr;         // connections closed because of what they sent
  storage::Ledger* ledger = nullptr;
  runtime::Environment* environment = nullptr;  // of the loop
  net::Faults* faults = nullptr;  // of the process
  std::optional<TokenBucket> capacity = {};  // of this loop's requests of data; none: as many as it can

  // Whose the partition is.
  const HostSlot& owner_of(PartitionId partition) const { return (*hosts)[partition.value() % hosts->size()]; }
  // Gets of these keys, at most limits::kKeysAhead, follow.
  void prefetch(std::span<const std::string_view> keys) const;
  // Another request is too much: what its client is told.
  std::optional<Error> over_capacity();
};

// THREAD: its connection's loop; respond() any loop of the node.
class Session : public net::RequestSession, public runtime::Responder, public std::enable_shared_from_this<Session> {
 public:
  Session(LoopView& view, net::ConnectionPtr connection);

  void respond(messages::Response response) override;
  // From now on requests are answered `unavailable`; messages still reach their hosts.
  void refuse_requests() { refusing_ = true; }

 private:
  void on_request(messages::Request request) override;
  void on_messages(const messages::Sender& sender, std::vector<messages::Message> messages) override;
  void expect(std::span<const messages::Request> requests) override;
  void answer_map(RequestId id, Epoch known);
  bool begin_report(RequestId id);
  // Asks host after host, each on its loop; the last one answers. `ask(host)` gives its part, `add(response, part)`
  // takes it in, `finish(response)` comes last.
  template <class Response, class Ask, class Add, class Finish>
  void gather(RequestId id, Ask ask, Add add, Finish finish);
  void answer_partitions(RequestId id);
  void answer_hot(RequestId id, std::size_t keys_max);
  void answer_faults(RequestId id, const messages::FaultsRequest& request);
  void answer_lost(RequestId id, std::uint64_t after);
  void answer(RequestId id, messages::ResponseBody body);

  LoopView& view_;
  bool reporting_ = false;  // on the node itself, which one at a time may ask for
  bool refusing_ = false;
};

}  // namespace gyre::node
