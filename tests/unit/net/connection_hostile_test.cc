// Bytes that are no frames: one error, one close, and the next connection is served.
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "support.h"

namespace gyre::net {
namespace {

class ConnectionHostileTest : public LoopbackTest {
 protected:
  // Sends `bytes` to a fresh server, expects one error with `code`, then the close, on both sides.
  void expect_refused(std::string_view bytes, ErrorCode code, std::size_t served_before = 0) {
    listen(server, limits);
    PlainSocket plain(listener->address());
    plain.send(bytes);
    const auto frames = frames_in(plain.read());
    ASSERT_EQ(frames.size(), 1u);
    ASSERT_EQ(frames[0].responses.size(), 1u);
    EXPECT_EQ(frames[0].responses[0].id, RequestId(0));
    EXPECT_EQ(std::get<Error>(frames[0].responses[0].body).code, code);
    const Error why = server->reason();
    EXPECT_EQ(why.code, code);
    EXPECT_FALSE(why.message.empty());
    EXPECT_EQ(server->times_closed(), 1u);
    EXPECT_EQ(server->requests().size(), served_before);
  }
  static std::string header(std::uint32_t segments_less_one, std::uint32_t words) {
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &segments_less_one, 4);
    std::memcpy(bytes.data() + 4, &words, 4);
    return bytes;
  }

  wire::Limits limits;
  std::shared_ptr<Recorder> server = std::make_shared<Recorder>();
};

TEST_F(ConnectionHostileTest, HttpIsRefused) {
  expect_refused("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", ErrorCode::invalid_argument);
}

TEST_F(ConnectionHostileTest, RedisIsRefused) { expect_refused("*1\r\n$4\r\nPING\r\n", ErrorCode::invalid_argument); }

TEST_F(ConnectionHostileTest, RandomBytesAreRefused) {
  Rng rng(1);
  std::string bytes(1 << 20, '\0');
  for (char& byte : bytes) byte = static_cast<char>(rng.next() | 0x80);
  expect_refused(bytes, ErrorCode::invalid_argument);
}

TEST_F(ConnectionHostileTest, AHugeFrameIsRefusedByItsHeaderAlone) {
  expect_refused(header(0, 0xffff'fff0), ErrorCode::too_large);
}

TEST_F(ConnectionHostileTest, AFrameOfZeroesIsRefused) {
  expect_refused(header(0, 4).append(32, '\xff'), ErrorCode::invalid_argument);
}

TEST_F(ConnectionHostileTest, AValueBeyondTheLimitIsRefused) {
  limits.value_bytes_max = 1000;
  messages::WriteOperation put;
  put.key = Bytes::copy_of("k");
  put.value = Bytes::copy_of(std::string(1001, 'v'));
  const messages::Request request{.id = RequestId(1), .epoch = {}, .body = messages::WriteRequest{{put}}};
  expect_refused(wire::encode({.requests = {request}, .responses = {}, .sender = {}, .messages = {}}).view(),
                 ErrorCode::too_large);
}

TEST_F(ConnectionHostileTest, WhatCameBeforeIsServed) {
  const Bytes good =
      wire::encode({.requests = {get_of(1, "a"), get_of(2, "b")}, .responses = {}, .sender = {}, .messages = {}});
  expect_refused(good.str() + "GET / HTTP/1.1\r\n\r\n", ErrorCode::invalid_argument, 2);
}

}  // namespace
}  // namespace gyre::net
