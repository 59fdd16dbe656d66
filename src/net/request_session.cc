#include "net/request_session.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "base/limits.h"

namespace gyre::net {

RequestSession::RequestSession(ConnectionPtr connection, Counter& malformed, std::string_view stopping)
    : connection_(std::move(connection)), malformed_(malformed), stopping_(stopping) {}

void RequestSession::on_frame(messages::Frame frame) {
  if (!frame.messages.empty()) on_messages(frame.sender, std::move(frame.messages));
  open_ += frame.requests.size();
  const std::span<messages::Request> requests(frame.requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (i % limits::kKeysAhead == 0) expect(requests.subspan(i, std::min(limits::kKeysAhead, requests.size() - i)));
    on_request(std::move(requests[i]));
  }
  if (open_ > limits::kConnectionRequestsInFlightMax && !holding_ && !closed()) {
    holding_ = true;
    connection_->hold_reading();
  }
}

void RequestSession::send(messages::Response response) {
  --open_;
  if (closed()) return;
  const bool read = std::holds_alternative<messages::GetResponse>(response.body) ||
                    std::holds_alternative<messages::ScanResponse>(response.body);
  if (read && connection_->output_bytes() > limits::kConnectionAnswerBytesMax) {
    response.body =
        Error{ErrorCode::busy, Outcome::not_applied,
              "this connection has not taken its earlier answers: ask for less at once", limits::kBusyRetryAfter};
  }
  connection_->send(std::move(response));
  if (finishing_) return close_if_done();
  if (holding_ && open_ < limits::kConnectionRequestsInFlightMax / 2) {
    holding_ = false;
    connection_->resume_reading();
  }
}

bool RequestSession::take_map_turn() {
  if (closed()) return true;
  const std::uint64_t turn = connection_->loop().turn();
  return std::exchange(map_turn_, turn) != turn;
}

Error RequestSession::map_is_on_its_way() {
  return Error{ErrorCode::busy, Outcome::not_applied, "the cluster map is on its way on this connection already",
               limits::kBusyRetryAfter};
}

void RequestSession::finish() {
  if (closed()) return;
  finishing_ = true;
  connection_->hold_reading();
  close_if_done();
}

void RequestSession::close_if_done() {
  if (open_ == 0) connection_->close({ErrorCode::unavailable, Outcome::not_applied, std::string(stopping_), {}});
}

void RequestSession::on_closed(const Error& why) {
  if (why.code == ErrorCode::invalid_argument || why.code == ErrorCode::too_large) malformed_.add();
  connection_ = nullptr;
}

}  // namespace gyre::net
