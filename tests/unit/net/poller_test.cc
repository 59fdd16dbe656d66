#include "net/poller.h"

#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/loop.h"

namespace gyre::net {
namespace {

using namespace std::chrono_literals;

// Two ends of a stream.
struct Pair {
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0); }
  ~Pair() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  void send() const { EXPECT_EQ(::write(ends[1], "x", 1), 1); }

  int ends[2];
};

struct Client : PollerClient {
  void on_ready(std::uint32_t events) override {
    told.push_back(events);
    if (then) then();
  }
  std::vector<std::uint32_t> told;
  std::function<void()> then;
};

class PollerTest : public testing::Test {
 protected:
  int look() {
    poller.wait(Duration(0));
    return poller.serve();
  }
  Poller::Place watched(const std::shared_ptr<Client>& who, int fd) {
    const auto place = poller.add(who);
    poller.watch(place, fd, 0, EPOLLIN);
    return place;
  }

  Poller poller;
  std::shared_ptr<Client> client = std::make_shared<Client>();
  Pair pair;
};

TEST_F(PollerTest, TellsAgainUntilWhatIsThereIsTaken) {
  watched(client, pair.ends[0]);
  EXPECT_EQ(look(), 0);
  pair.send();
  EXPECT_EQ(look(), 1);
  EXPECT_EQ(look(), 1);
  char byte;
  EXPECT_EQ(::read(pair.ends[0], &byte, 1), 1);
  EXPECT_EQ(look(), 0);
  EXPECT_EQ(client->told, (std::vector<std::uint32_t>{EPOLLIN, EPOLLIN}));
}

TEST_F(PollerTest, ASocketThatIsNotWatchedIsQuietEvenWhenItsPeerIsGone) {
  const auto place = watched(client, pair.ends[0]);
  poller.watch(place, pair.ends[0], EPOLLIN, 0);
  pair.send();
  ::shutdown(pair.ends[1], SHUT_RDWR);
  EXPECT_EQ(look(), 0);
  poller.watch(place, pair.ends[0], 0, EPOLLIN);
  EXPECT_EQ(look(), 1);
}

TEST_F(PollerTest, WhoIsRemovedByAnotherOfTheSameTurnIsNotToldAndLivesUntilItIsLetGo) {
  Pair second;
  auto other = std::make_shared<Client>();
  const std::weak_ptr<Client> watched_other = other;
  std::vector<Poller::Place> places = {watched(client, pair.ends[0]), watched(other, second.ends[0])};
  const auto remove_the_other = [&](std::size_t who) {
    return [this, &places, &second, who] {
      const std::size_t gone = 1 - who;
      poller.watch(places[gone], gone == 0 ? pair.ends[0] : second.ends[0], EPOLLIN, 0);
      poller.remove(places[gone]);
    };
  };
  client->then = remove_the_other(0);
  other->then = remove_the_other(1);
  pair.send();
  second.send();
  EXPECT_EQ(look(), 2);
  EXPECT_EQ(client->told.size() + other->told.size(), 1u);
  const std::weak_ptr<Client> watched_client = client;
  const bool other_is_gone = other->told.empty();
  other.reset();
  client.reset();
  EXPECT_FALSE((other_is_gone ? watched_other : watched_client).expired());
  poller.let_go();
  EXPECT_TRUE((other_is_gone ? watched_other : watched_client).expired());
  EXPECT_FALSE((other_is_gone ? watched_client : watched_other).expired());
}

TEST_F(PollerTest, APlaceIsUsedAgain) {
  const auto place = watched(client, pair.ends[0]);
  poller.watch(place, pair.ends[0], EPOLLIN, 0);
  poller.remove(place);
  const auto other = std::make_shared<Client>();
  EXPECT_EQ(watched(other, pair.ends[0]), place);
  pair.send();
  EXPECT_EQ(look(), 1);
  EXPECT_TRUE(client->told.empty());
  EXPECT_EQ(other->told.size(), 1u);
}

TEST_F(PollerTest, WhatTheSystemDoesNotWatchIsToldOnce) {
  spdlog::set_level(spdlog::level::off);
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);  // no file can be watched
  EXPECT_EQ(poller.watch(poller.add(client), file, 0, EPOLLIN), std::errc::operation_not_permitted);
  poller.wait(Poller::kForever);
  poller.serve();
  ASSERT_EQ(client->told.size(), 1u);
  EXPECT_NE(client->told[0] & EPOLLHUP, 0u);
  look();
  EXPECT_EQ(client->told.size(), 1u);
  ::close(file);
}

TEST_F(PollerTest, WaitsAsLongAsItsLimit) {
  const Instant begun = steady_now();
  poller.wait(1500us);
  EXPECT_GE(steady_now() - begun, 1500us);
}

TEST_F(PollerTest, WhatIsLeftOfAPlaceInTheSameTurnMayReachWhoHasItNow) {
  Pair second;
  const auto other = std::make_shared<Client>();
  const auto next = std::make_shared<Client>();
  Poller::Place gone = 0;
  const auto first = watched(client, pair.ends[0]);
  gone = watched(other, second.ends[0]);
  client->then = [&] {
    poller.watch(gone, second.ends[0], EPOLLIN, 0);
    poller.remove(gone);
    EXPECT_EQ(poller.add(next), gone);
  };
  pair.send();
  second.send();
  EXPECT_EQ(look(), 2);
  EXPECT_TRUE(other->told.empty());
  EXPECT_EQ(next->told.size(), 1u);  // for nothing
  client->then = {};
  poller.watch(first, pair.ends[0], EPOLLIN, 0);
  EXPECT_EQ(look(), 0);
}

TEST_F(PollerTest, IsWokenFromAnotherThreadOnceForEachWait) {
  std::thread other([this] { poller.wake(); });
  poller.wait(Poller::kForever);
  other.join();
  EXPECT_EQ(look(), 0);
  poller.wake();
  poller.wait(Poller::kForever);
}

}  // namespace
}  // namespace gyre::net
