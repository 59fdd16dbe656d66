#include "router/native_session.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/limits.h"
#include "net/loop.h"
#include "routing/target.h"

namespace gyre::router {

using messages::MapRequest;
using messages::Request;

namespace {

// The native protocol knows no users; whoever speaks it is limited by address, and with all others.
const resp::User& nobody() {
  static const resp::User user{.name = "native"};
  return user;
}

}  // namespace

NativeSession::NativeSession(const Shared& shared, net::ConnectionPtr connection)
    : shared_(shared), connection_(std::move(connection)) {
  client_.user = &nobody();
  client_.peer = connection_->peer();
  client_.address = client_.peer.substr(0, client_.peer.rfind(':'));
  client_.affinity = hash64(client_.address);
  client_.seen = std::make_unique<resp::Seen>();  // its requests say themselves what they have seen
}

void NativeSession::on_frame(messages::Frame frame) {
  in_flight_ += frame.requests.size();
  for (Request& request : frame.requests) carry_out(std::move(request));
  if (in_flight_ > limits::kConnectionRequestsInFlightMax && !holding_ && !closed()) {
    holding_ = true;
    connection_->hold_reading();
  }
}

Result<void> NativeSession::check(const Request& request) const {
  if (!routing::has_partition(request.body)) {
    return fail(ErrorCode::unsupported,
                "this is a router: it serves gets, writes and scans; send what is about the cluster, a node or a "
                "ledger to the coordinator or the node");
  }
  if (shared_.backend.map() == nullptr) {
    return fail(ErrorCode::unavailable, "this router has no cluster map yet: none of its seeds gave one");
  }
  if (!shared_.server.rates.concern(*client_.user)) return {};
  const Duration wait = shared_.server.rates.take(net::steady_now(), client_.address, *client_.user);
  if (wait == Duration(0)) return {};
  return fail(Error{ErrorCode::busy, Outcome::not_applied, "too many requests a second",
                    std::max(std::chrono::ceil<std::chrono::milliseconds>(wait), limits::kBusyRetryAfter)});
}

void NativeSession::carry_out(Request request) {
  if (const auto* asked = std::get_if<MapRequest>(&request.body)) return answer_map(request.id, asked->known);
  if (auto may = check(request); !may) return answer(request.id, std::move(may).error());
  const Duration budget = request.budget > Duration(0) ? request.budget : Duration(limits::kRequestWaitMax);
  const Instant deadline = net::steady_now() + budget;
  shared_.backend.ask(shared_from_this(), client_, Slot(), std::move(request), deadline);
}

// A map is large and its request small: one at a time, as a node has it.
void NativeSession::answer_map(RequestId id, Epoch known) {
  ring::MapUpdate update = shared_.front.update_for(known, shared_.backend.map());
  if (!update.empty() && std::exchange(map_answered_, true)) {
    return answer(id, Error{ErrorCode::busy, Outcome::not_applied,
                            "the cluster map is on its way on this connection already", limits::kBusyRetryAfter});
  }
  if (map_answered_ && connection_ != nullptr) {
    connection_->loop().at_turn_end([self = shared_from_this()] { self->map_answered_ = false; });
  }
  answer(id, messages::MapResponse{std::move(update)});
}

void NativeSession::respond(messages::Response response) { answer(response.id, std::move(response.body)); }

void NativeSession::answer(RequestId id, messages::ResponseBody body) {
  --in_flight_;
  if (closed()) return;
  const bool read =
      std::holds_alternative<messages::GetResponse>(body) || std::holds_alternative<messages::ScanResponse>(body);
  if (read && connection_->output_bytes() > limits::kConnectionAnswerBytesMax) {
    body = Error{ErrorCode::busy, Outcome::not_applied,
                 "this connection has not taken its earlier answers: ask for less at once", limits::kBusyRetryAfter};
  }
  const auto& map = shared_.backend.map();
  connection_->send(messages::Response{id, map != nullptr ? map->epoch : Epoch(0), std::move(body)});
  if (finishing_) return close_if_done();
  if (holding_ && in_flight_ < limits::kConnectionRequestsInFlightMax / 2) {
    holding_ = false;
    connection_->resume_reading();
  }
}

void NativeSession::finish() {
  if (closed()) return;
  finishing_ = true;
  connection_->hold_reading();
  close_if_done();
}

void NativeSession::close_if_done() {
  if (in_flight_ == 0) connection_->close({ErrorCode::unavailable, Outcome::not_applied, "the router stops", {}});
}

void NativeSession::on_closed(const Error& why) {
  if (why.code == ErrorCode::invalid_argument || why.code == ErrorCode::too_large) shared_.malformed.add();
  connection_ = nullptr;
}

}  // namespace gyre::router
