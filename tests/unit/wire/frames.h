// Frames of one body each, and how the codec refuses a frame.
#pragma once

#include <utility>

#include "wire/codec.h"

namespace gyre::wire::testing {

inline messages::Frame frame_of(messages::RequestBody body) {
  messages::Frame frame;
  frame.requests.push_back({.id = RequestId(1), .budget = {}, .epoch = Epoch(), .body = std::move(body)});
  return frame;
}

inline messages::Frame frame_of_response(messages::ResponseBody body) {
  messages::Frame frame;
  frame.responses.push_back({.id = RequestId(1), .epoch = Epoch(), .body = std::move(body)});
  return frame;
}

inline messages::Frame frame_of_message(messages::Message message) {
  messages::Frame frame;
  frame.messages.push_back(std::move(message));
  return frame;
}

// ErrorCode(): it is taken.
inline ErrorCode refusal_of(const messages::Frame& frame, const Limits& limits = {}) {
  const auto decoded = decode(encode(frame), limits);
  return decoded ? ErrorCode() : decoded.error().code;
}

}  // namespace gyre::wire::testing
