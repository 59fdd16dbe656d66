#include "node/peer_links.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/log.h"
#include "support.h"

namespace gyre::node {
namespace {

using Refusals = std::vector<std::pair<NodeId, Incarnation>>;

const NodeId kSelf("n1");
const NodeId kPeer("n2");

messages::Append append_of(std::uint64_t term) {
  messages::Append append;
  append.term = Term(term);
  return append;
}

messages::Append append_of_bytes(std::size_t bytes) {
  messages::LoggedWrite write;
  messages::Mutation put;
  put.key = Bytes::copy_of("k");
  put.record.value = Bytes::copy_of(std::string(bytes, 'x'));
  write.mutations = {put};
  messages::Append append;
  append.writes.push_back(std::make_shared<const messages::LoggedWrite>(std::move(write)));
  return append;
}

// Another node's port: keeps the terms of the appends that arrive.
class FakePeer {
 public:
  explicit FakePeer(const std::string& address = "127.0.0.1:0") {
    wait_until([&] {  // its address may belong to the one before for another moment
      auto opened = net::Listener::open(address, {&loop_}, {}, [this](const net::ConnectionPtr& connection) {
        connections_.push_back(connection);
        connection->start(std::make_shared<Session>(*this));
        if (deaf_) connection->hold_reading();
      });
      if (opened) listener_ = *std::move(opened);
      return listener_ != nullptr;
    });
    loop_.start();
  }
  ~FakePeer() {
    run_on(loop_, [this] { listener_->close(); });
    hang_up();
    listener_.reset();
    loop_.stop();
    loop_.join();
  }

  const std::string& address() const { return listener_->address(); }
  // Takes nothing from connections made from now on.
  void turn_deaf() {
    run_on(loop_, [this] { deaf_ = true; });
  }
  void hang_up() {
    run_on(loop_, [this] {
      for (const auto& weak : connections_) {
        if (const auto open = weak.lock()) open->close({ErrorCode::unavailable, Outcome::not_applied, "bye", {}});
      }
    });
    let_turns_pass(loop_);
  }
  std::size_t connections() {
    return run_on(loop_, [this] { return connections_.size(); });
  }
  std::size_t closed() {
    return run_on(loop_, [this] { return closed_; });
  }
  std::vector<std::uint64_t> terms() {
    return run_on(loop_, [this] { return terms_; });
  }
  messages::Sender sender() {
    return run_on(loop_, [this] { return sender_; });
  }

 private:
  class Session final : public net::ConnectionHandler {
   public:
    explicit Session(FakePeer& peer) : peer_(peer) {}
    void on_frame(messages::Frame frame) override {
      peer_.sender_ = frame.sender;
      for (const auto& message : frame.messages) {
        peer_.terms_.push_back(std::get<messages::Append>(message).term.value());
      }
    }
    void on_closed(const Error&) override { ++peer_.closed_; }

   private:
    FakePeer& peer_;
  };

  net::Loop loop_{"peer"};
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::weak_ptr<net::Connection>> connections_;
  std::vector<std::uint64_t> terms_;
  messages::Sender sender_;
  std::size_t closed_ = 0;
  bool deaf_ = false;
};

struct Ignores : net::ConnectionHandler {
  void on_frame(messages::Frame) override {}
  void on_closed(const Error&) override {}
};

class PeerLinksTest : public testing::Test {
 protected:
  PeerLinksTest() {
    spdlog::set_level(spdlog::level::off);
    loop.start();
    make();
  }
  ~PeerLinksTest() override {
    run_on(loop, [this] { links->stop(); });
    let_turns_pass(loop);
    loop.stop();
    loop.join();
  }

  void make(bool trust_refused = false) {
    const PeerLinksOptions options{
        .self = kSelf, .incarnation = Incarnation(7), .limits = {}, .trust_refused = trust_refused, .faults = &faults};
    links = std::make_shared<PeerLinks>(loop, options, [this](const NodeId& node, Incarnation incarnation, Instant) {
      EXPECT_TRUE(loop.on_this_thread());
      refused.emplace_back(node, incarnation);
    });
  }
  // The cluster is this node, and the peer at `address`; empty: this node alone.
  void adopt(const std::string& address, std::uint64_t incarnation = 5) {
    auto map = std::make_shared<ring::ClusterMap>();
    map->cluster = Uuid::from_words(1, 1);
    map->nodes = {{.id = kSelf}};
    if (!address.empty()) {
      map->nodes.push_back({.id = kPeer, .incarnation = Incarnation(incarnation), .addresses = {.native = address}});
    }
    run_on(loop, [&] { links->on_map(map); });
  }
  void send(messages::Append append) {
    run_on(loop, [&] { links->send(kPeer, std::move(append)); });
  }
  static bool heard(FakePeer& peer, std::uint64_t term) {
    const auto terms = peer.terms();
    return std::ranges::find(terms, term) != terms.end();
  }
  // Sends again and again, as the machines do, until something arrives.
  void send_until_heard(FakePeer& peer, std::uint64_t term) {
    wait_until([&] {
      send(append_of(term));
      return heard(peer, term);
    });
  }
  // Connects once more and is heard, after whatever the links have begun: so many connections were made before.
  std::size_t connections_before_another(FakePeer& peer) {
    constexpr std::uint64_t kTerm = 99;
    std::promise<net::ConnectionPtr> made;
    run_on(loop, [&] {
      net::connect(loop, peer.address(), kPatience, wire::Limits{}, [&](Result<net::ConnectionPtr> connection) {
        GYRE_ASSERT(connection);
        (*connection)->start(std::make_shared<Ignores>());
        (*connection)->send(messages::Message(append_of(kTerm)));
        made.set_value(*std::move(connection));
      });
    });
    const auto another = ready(made.get_future());
    wait_until([&] { return heard(peer, kTerm); });
    run_on(loop, [&] { another->close({ErrorCode::unavailable, Outcome::not_applied, "heard", {}}); });
    return peer.connections() - 1;
  }
  std::size_t backlog() {
    return run_on(loop, [this] { return links->backlog(kPeer); });
  }
  Refusals refusals() {
    return run_on(loop, [this] { return refused; });
  }
  void wait_for_refusal(Incarnation incarnation) {
    wait_until([&] {
      const Refusals all = refusals();
      return !all.empty() && all.back() == std::pair(kPeer, incarnation);
    });
  }
  // A port of `host` at which nobody listens.
  static std::string dead_address(const std::string& host = "127.0.0.1") {
    const FakePeer gone(host + ":0");
    return gone.address();
  }

  net::Faults faults{true, 1};
  net::Loop loop{"node"};
  Refusals refused;
  std::shared_ptr<PeerLinks> links;
};

TEST_F(PeerLinksTest, SendsInTheNameOfThisProcess) {
  FakePeer peer;
  adopt(peer.address());
  send_until_heard(peer, 3);
  EXPECT_EQ(peer.sender(), (messages::Sender{Uuid::from_words(1, 1), kSelf, Incarnation(7)}));
  EXPECT_EQ(peer.connections(), 1u);
  EXPECT_TRUE(refusals().empty());
}

TEST_F(PeerLinksTest, WhatIsSentWithoutAConnectionIsLost) {
  send(append_of(1));  // to a node that no map names
  const std::string address = dead_address();
  adopt(address);
  send(append_of(2));
  FakePeer peer(address);
  send_until_heard(peer, 3);
  const auto terms = peer.terms();
  EXPECT_EQ(std::ranges::count(terms, 3u), static_cast<std::ptrdiff_t>(terms.size()));
}

TEST_F(PeerLinksTest, ConnectsAgainWhenTheConnectionIsLost) {
  FakePeer peer;
  adopt(peer.address());
  send_until_heard(peer, 1);
  peer.hang_up();
  wait_until([&] { return peer.connections() == 2; });
  send_until_heard(peer, 2);
}

TEST_F(PeerLinksTest, APeerThatClosesEveryConnectionIsTriedAgainForEver) {
  FakePeer peer;
  adopt(peer.address());
  wait_until([&] {
    peer.hang_up();
    return peer.connections() >= 4;
  });
}

TEST_F(PeerLinksTest, ARefusalNamesTheProcessThatWasKnown) {
  const std::string address = dead_address();
  adopt(address, 5);
  wait_for_refusal(Incarnation(5));
  adopt(address, 6);
  wait_for_refusal(Incarnation(6));
  const Refusals all = refusals();
  EXPECT_TRUE(std::ranges::is_sorted(all)) << "no attempt for the process before ends later";
}

TEST_F(PeerLinksTest, ADeadProcessIsNoticedWithoutATraffic) {
  auto peer = std::make_unique<FakePeer>();
  adopt(peer->address());
  send_until_heard(*peer, 1);
  peer.reset();
  wait_for_refusal(Incarnation(5));
}

TEST_F(PeerLinksTest, ANewProcessAtTheSameAddressIsReached) {
  auto peer = std::make_unique<FakePeer>();
  const std::string address = peer->address();
  adopt(address, 5);
  send_until_heard(*peer, 1);
  peer = nullptr;
  FakePeer next(address);
  adopt(address, 6);
  send_until_heard(next, 2);
}

TEST_F(PeerLinksTest, BeyondLoopbackARefusalProvesNothing) {
  const std::string address = dead_address("0.0.0.0");
  adopt(address);
  FakePeer peer(address);  // reached by a later attempt than the first, which was refused
  send_until_heard(peer, 1);
  EXPECT_TRUE(refusals().empty());
}

TEST_F(PeerLinksTest, BeyondLoopbackARefusalCountsWhereItIsTrusted) {
  make(true);
  adopt(dead_address("0.0.0.0"));
  wait_for_refusal(Incarnation(5));
}

TEST_F(PeerLinksTest, WhatAPeerDoesNotTakeIsItsBacklogAndBounded) {
  FakePeer peer;
  peer.turn_deaf();
  adopt(peer.address());
  EXPECT_EQ(backlog(), 0u);
  constexpr std::size_t kBytes = 8 * 1024 * 1024;
  const messages::Append large = append_of_bytes(kBytes);
  wait_until([&] {
    send(large);
    return backlog() > limits::kPeerBacklogBytesMax;
  });
  for (std::size_t sent = 0; sent < 4 * limits::kPeerBacklogBytesMax; sent += kBytes) send(large);
  EXPECT_LE(backlog(), 2 * limits::kPeerBacklogBytesMax + 2 * kBytes);
}

TEST_F(PeerLinksTest, AFaultThatConcernsThePeerKeepsMessagesFromItAndNothingElse) {
  FakePeer peer;
  adopt(peer.address());
  send_until_heard(peer, 1);
  ASSERT_TRUE(faults.serve({.show = false, .rules = {{.peer = kPeer.str(), .drop = 1}}}));
  send(append_of(2));
  let_turns_pass(loop);
  ASSERT_TRUE(faults.serve({.show = false, .rules = {{.peer = "n9", .drop = 1}}}));
  send_until_heard(peer, 3);
  EXPECT_EQ(std::ranges::count(peer.terms(), 2u), 0);
  EXPECT_EQ(peer.connections(), 1u);
  EXPECT_TRUE(refusals().empty());
}

TEST_F(PeerLinksTest, ANodeThatLeftTheMapIsLetGo) {
  FakePeer peer;
  adopt(peer.address());
  send_until_heard(peer, 1);
  adopt("");
  wait_until([&] { return peer.closed() == 1; });
  send(append_of(2));
  EXPECT_EQ(connections_before_another(peer), 1u);
}

TEST_F(PeerLinksTest, StoppedItMakesNoConnection) {
  FakePeer peer;
  adopt(peer.address());
  send_until_heard(peer, 1);
  run_on(loop, [this] { links->stop(); });
  wait_until([&] { return peer.closed() == 1; });
  adopt(peer.address(), 6);
  EXPECT_EQ(connections_before_another(peer), 1u);
}

}  // namespace
}  // namespace gyre::node
