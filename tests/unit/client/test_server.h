// A one-node cluster in this process: real sockets, data in memory, and a test that may answer in its place.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "client/fake_backend.h"
#include "gyre/client.h"
#include "net/listener.h"
#include "net/loop.h"

namespace gyre::client::testing {

class TestServer {
 public:
  // Answers in the node's place; none: the node answers. Runs on the server's loop.
  using Intercept = std::function<std::optional<messages::ResponseBody>(const messages::Request&)>;
  // To be returned by an Intercept.
  static messages::ResponseBody no_answer() { return messages::StatusResponse{}; }
  static messages::ResponseBody hang_up() { return messages::HeartbeatResponse{}; }

  explicit TestServer(Intercept intercept = {}) : intercept_(std::move(intercept)), loop_("test-server") {
    listener_ = *net::Listener::open("127.0.0.1:0", {&loop_}, wire::Limits{}, [this](net::ConnectionPtr connection) {
      ++connections;
      auto session = std::make_shared<Session>(*this, connection);
      connection->start(std::move(session));
    });
    ring::ClusterMap map = *node_.map();
    map.nodes[0].addresses.native = listener_->address();
    map_ = std::make_shared<const ring::ClusterMap>(std::move(map));
    loop_.start();
  }
  ~TestServer() {
    loop_.stop();
    loop_.join();
  }

  const std::string& address() const { return listener_->address(); }
  FakeBackend& node() { return node_; }

  std::atomic<int> connections = 0;
  std::atomic<int> requests = 0;
  std::atomic<int> frames = 0;

 private:
  class Session final : public net::ConnectionHandler {
   public:
    Session(TestServer& server, const net::ConnectionPtr& connection) : server_(server), connection_(connection) {}
    void on_frame(messages::Frame frame) override {
      ++server_.frames;
      for (const auto& request : frame.requests) server_.serve(*connection_.lock(), request);
    }
    void on_closed(const Error&) override {}

   private:
    TestServer& server_;
    std::weak_ptr<net::Connection> connection_;
  };

  void serve(net::Connection& connection, const messages::Request& request) {
    ++requests;
    auto body = intercept_ ? intercept_(request) : std::nullopt;
    if (!body && std::holds_alternative<messages::MapRequest>(request.body)) {
      body = messages::MapResponse{{map_, nullptr}};
    }
    if (!body) {
      node_.submit(request.body, {}, [&](Result<messages::ResponseBody> result) {
        body = result ? *std::move(result) : messages::ResponseBody(std::move(result).error());
      });
    }
    if (std::holds_alternative<messages::StatusResponse>(*body)) return;
    if (std::holds_alternative<messages::HeartbeatResponse>(*body)) {
      return connection.close(Error{ErrorCode::unavailable, Outcome::not_applied, "hung up", {}});
    }
    connection.send(messages::Response{request.id, map_->epoch, *std::move(body)});
  }

  Intercept intercept_;
  FakeBackend node_;
  ring::ClusterMapPtr map_;
  net::Loop loop_;
  std::unique_ptr<net::Listener> listener_;
};

inline std::unique_ptr<Client> connect_to(const TestServer& server, ClientOptions options = {}) {
  options.seeds = {server.address()};
  auto client = Client::connect(std::move(options));
  EXPECT_TRUE(client) << client.error().message;
  return client ? *std::move(client) : nullptr;
}

}  // namespace gyre::client::testing
