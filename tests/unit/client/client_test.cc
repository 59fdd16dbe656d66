#include "gyre/client.h"

#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "test_server.h"

namespace gyre {
namespace {

using client::testing::connect_to;
using client::testing::TestServer;
using namespace std::chrono_literals;

TEST(Client, RefusesOptionsThatMakeNoSense) {
  EXPECT_EQ(Client::connect({}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(Client::connect({.seeds = {"nowhere"}}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(Client::connect({.seeds = {"h:1"}, .deadline = 0ms}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(Client::connect({.seeds = {"h:1"}, .ack = Ack::members(0)}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(Client::connect({.seeds = {"h:1"}, .read = Read::bounded(0ms)}).error().code, ErrorCode::invalid_argument);
}

TEST(Client, SaysWhatEachSeedSaidWhenNoneAnswers) {
  std::string address;
  {
    const TestServer gone;
    address = gone.address();
  }
  const auto client = Client::connect({.seeds = {address}, .deadline = 100ms});
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::unavailable);
  EXPECT_NE(client.error().message.find(address), std::string::npos) << client.error().message;
}

TEST(Client, FindsTheClusterBySeedNameAndPastDeadSeeds) {
  const TestServer server;
  const std::string port = server.address().substr(server.address().rfind(':'));
  auto client = Client::connect({.seeds = {"127.0.0.1:1", "localhost" + port}});
  ASSERT_TRUE(client) << client.error().message;
  EXPECT_TRUE((*client)->put("k", "v"));
}

TEST(Client, ServesEveryKindOfCallOverTheNetwork) {
  const TestServer server;
  const auto client = connect_to(server);
  const auto version = client->put("k", "v", {.ttl = 10s});
  ASSERT_TRUE(version);
  EXPECT_EQ(client->get("k")->data, "v");
  EXPECT_EQ(client->get("k")->version, *version);
  EXPECT_EQ(**client->ttl("k"), 10s);
  EXPECT_TRUE(*client->persist("k"));
  EXPECT_TRUE(client->expire("k", 5s));
  EXPECT_EQ(*client->incr("n", 4), 4);
  EXPECT_TRUE(client->cas("k", client->get("k")->version, "w"));
  EXPECT_EQ(client->write(std::move(Batch().put("{t}1", "a").put("{t}2", "b")))->size(), 2U);
  const std::vector<std::string> keys = {"k", "none", "{t}1"};
  const auto values = client->mget(keys);
  EXPECT_EQ(values[0]->data, "w");
  EXPECT_EQ(values[1].error().code, ErrorCode::not_found);
  EXPECT_EQ(values[2]->data, "a");
  EXPECT_EQ(client->scan({})->items.size(), 4U);
  EXPECT_TRUE(*client->del("k"));
  EXPECT_EQ(client->locate("k")->primary, "fake");
}

TEST(Client, KeepsValuesOfAnyBytesAndOfMegabytes) {
  const TestServer server;
  const auto client = connect_to(server);
  std::string value(5 * 1024 * 1024, '\0');
  for (std::size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>(i * 31);
  const std::string key("\0\xff{\n", 4);
  ASSERT_TRUE(client->put(key, value));
  EXPECT_TRUE(client->get(key)->data == value);
}

TEST(Client, SendsTheLevelsOfItsOptionsUnlessACallNamesItsOwn) {
  std::mutex mutex;
  std::vector<messages::ReadLevel> reads;
  std::vector<messages::AckCount> acks;
  const TestServer server([&](const messages::Request& request) -> std::optional<messages::ResponseBody> {
    const std::lock_guard lock(mutex);
    if (const auto* get = std::get_if<messages::GetRequest>(&request.body)) reads.push_back(get->read.level);
    if (const auto* scan = std::get_if<messages::ScanRequest>(&request.body)) reads.push_back(scan->read.level);
    if (const auto* write = std::get_if<messages::WriteRequest>(&request.body)) acks.push_back(write->ack);
    return std::nullopt;
  });
  const auto usual = connect_to(server);
  EXPECT_TRUE(usual->put("{t}", "v"));
  EXPECT_TRUE(usual->put("{t}", "v", {.ack = Ack::members(2)}));
  EXPECT_TRUE(usual->incr("n", 1, {.ack = Ack::all()}));
  EXPECT_TRUE(usual->get("{t}"));
  EXPECT_TRUE(usual->get("{t}", {.read = Read::linearizable()}));
  EXPECT_TRUE(usual->ttl("{t}", {.read = Read::bounded(5s)}));
  const auto strict = connect_to(server, {.ack = Ack::all(), .read = Read::primary()});
  EXPECT_TRUE(strict->del("none"));
  EXPECT_TRUE(strict->write(std::move(Batch().put("{t}", "w")), {.ack = Ack::one()}));
  EXPECT_TRUE(strict->get("{t}"));
  EXPECT_TRUE(strict->scan({.prefix = "{t}"}));
  EXPECT_TRUE(strict->scan({.prefix = "{t}", .read = Read::any()}));
  using messages::ReadLevel;
  EXPECT_EQ(reads, (std::vector{ReadLevel::session, ReadLevel::linearizable, ReadLevel::bounded, ReadLevel::primary,
                                ReadLevel::primary, ReadLevel::any}));
  EXPECT_EQ(acks, (std::vector<messages::AckCount>{1, 2, messages::kAckAll, messages::kAckAll, 1}));
}

TEST(Client, CallsFromManyThreadsShareOneConnection) {
  const TestServer server;
  const auto client = connect_to(server);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) EXPECT_TRUE(client->incr("n"));
      });
    }
  }
  EXPECT_EQ(client->get("n")->data, "1600");
  EXPECT_EQ(server.connections, 1);
}

TEST(Client, CallsMadeTogetherTravelTogether) {
  const TestServer server;
  const auto client = connect_to(server);
  ASSERT_TRUE(client->put("k", "v"));
  const int frames_before = server.frames;
  const std::vector<std::string> keys(2000, "k");
  for (const auto& value : client->mget(keys)) EXPECT_TRUE(value);
  EXPECT_LT(server.frames - frames_before, 500);
}

TEST(Client, ABlockingCallInACallbackFailsInsteadOfWaitingForItself) {
  const TestServer server;
  const auto client = connect_to(server);
  std::promise<ErrorCode> inner;
  client->put("k", "v", {}, [&](const Result<Version>&) { inner.set_value(client->get("k").error().code); });
  EXPECT_EQ(inner.get_future().get(), ErrorCode::invalid_argument);
  EXPECT_TRUE(client->get("k"));
}

TEST(Client, AnAsynchronousCallInACallbackIsFine) {
  const TestServer server;
  const auto client = connect_to(server);
  std::promise<Result<Value>> inner;
  client->put("k", "v", {}, [&](const Result<Version>&) {
    client->get("k", {}, [&](Result<Value> value) { inner.set_value(std::move(value)); });
  });
  EXPECT_EQ(inner.get_future().get()->data, "v");
}

TEST(Client, RefusesWhatIsTooLargeWithoutAskingAnybody) {
  const TestServer server;
  const auto client = connect_to(server, {.value_bytes_max = 100});
  const int requests_before = server.requests;
  EXPECT_EQ(client->put("k", std::string(101, 'v')).error().code, ErrorCode::too_large);
  EXPECT_EQ(client->get(std::string(17'000, 'k')).error().code, ErrorCode::too_large);
  EXPECT_EQ(client->get("").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(server.requests, requests_before);
}

}  // namespace
}  // namespace gyre
