#include "node/session.h"

#include <optional>
#include <utility>

#include "base/limits.h"

namespace gyre::node {

using messages::GetRequest;
using messages::MapRequest;
using messages::Request;
using messages::ScanRequest;
using messages::WriteRequest;

namespace {

// The partition by which a request is routed; its host checks the rest. None: not a request of data.
std::optional<PartitionId> routed_by(const Request& request, const ring::Partitioning& partitioning) {
  if (const auto* get = std::get_if<GetRequest>(&request.body)) return partitioning.of(get->key);
  if (const auto* scan = std::get_if<ScanRequest>(&request.body)) return scan->partition;
  const auto* write = std::get_if<WriteRequest>(&request.body);
  if (write == nullptr || write->operations.empty()) return std::nullopt;
  return partitioning.of(write->operations.front().key);
}

}  // namespace

Session::Session(const LoopView& view, net::ConnectionPtr connection)
    : view_(view), connection_(std::move(connection)) {}

void Session::on_frame(messages::Frame frame) {
  in_flight_ += frame.requests.size();
  for (Request& request : frame.requests) dispatch(std::move(request));
  if (in_flight_ > limits::kConnectionRequestsInFlightMax && !holding_) {
    holding_ = true;
    connection_->hold_reading();
  }
}

void Session::dispatch(Request request) {
  if (const auto* asked = std::get_if<MapRequest>(&request.body)) return answer_map(request.id, asked->known);
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
                                    "this is a node: send joins, heartbeats and status requests to the coordinator",
                                    {}});
  }
  const HostSlot& slot = (*view_.hosts)[partition->value() % view_.hosts->size()];
  if (slot.loop == view_.loop) return slot.host->on_request(shared_from_this(), std::move(request));
  slot.loop->post([host = slot.host, self = shared_from_this(), request = std::move(request)]() mutable {
    host->on_request(self, std::move(request));
  });
}

// A map is large and its request small: one answer at a time is all an honest client needs.
void Session::answer_map(RequestId id, Epoch known) {
  const bool newer = view_.map && view_.map->epoch > known;
  if (!newer) return answer(id, messages::MapResponse{nullptr});
  if (map_answered_) {
    return answer(id, Error{ErrorCode::busy, Outcome::not_applied,
                            "the cluster map is on its way on this connection already", limits::kBusyRetryAfter});
  }
  map_answered_ = true;
  view_.loop->at_turn_end([self = shared_from_this()] { self->map_answered_ = false; });
  answer(id, messages::MapResponse{view_.map});
}

void Session::answer(RequestId id, messages::ResponseBody body) {
  send({id, view_.map ? view_.map->epoch : Epoch(0), std::move(body)});
}

void Session::respond(messages::Response response) {
  if (view_.loop->on_this_thread()) return send(std::move(response));
  view_.loop->post(
      [self = shared_from_this(), response = std::move(response)]() mutable { self->send(std::move(response)); });
}

void Session::send(messages::Response response) {
  --in_flight_;
  if (connection_ == nullptr) return;
  const bool read = std::holds_alternative<messages::GetResponse>(response.body) ||
                    std::holds_alternative<messages::ScanResponse>(response.body);
  if (read && connection_->output_bytes() > limits::kConnectionAnswerBytesMax) {
    response.body =
        Error{ErrorCode::busy, Outcome::not_applied,
              "this connection has not taken its earlier answers: ask for less at once", limits::kBusyRetryAfter};
  }
  connection_->send(std::move(response));
  if (finishing_) return close_if_done();
  if (holding_ && in_flight_ < limits::kConnectionRequestsInFlightMax / 2) {
    holding_ = false;
    connection_->resume_reading();
  }
}

void Session::finish() {
  if (closed()) return;
  finishing_ = true;
  connection_->hold_reading();
  close_if_done();
}

void Session::close_if_done() {
  if (in_flight_ == 0) connection_->close({ErrorCode::unavailable, Outcome::not_applied, "the node stops", {}});
}

void Session::on_closed(const Error& why) {
  if (why.code == ErrorCode::invalid_argument || why.code == ErrorCode::too_large) view_.malformed->add();
  connection_ = nullptr;
}

}  // namespace gyre::node
