#include "gyre/fake_client.h"

#include <gtest/gtest.h>

namespace gyre {
namespace {

using namespace std::chrono_literals;

TEST(FakeClient, StoresReadsAndDeletes) {
  auto client = make_fake_client();
  const auto version = client->put("k", "v");
  ASSERT_TRUE(version);
  const auto value = client->get("k");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->data, "v");
  EXPECT_EQ(value->version, *version);
  EXPECT_EQ(value->ttl, std::nullopt);
  EXPECT_TRUE(*client->del("k"));
  EXPECT_FALSE(*client->del("k"));
  EXPECT_EQ(client->get("k").error().code, ErrorCode::not_found);
}

TEST(FakeClient, WritesConditionally) {
  auto client = make_fake_client();
  EXPECT_EQ(client->put("k", "v", {.condition = Condition::if_present()}).error().code, ErrorCode::condition_failed);
  const auto first = client->put("k", "v", {.condition = Condition::if_absent()});
  ASSERT_TRUE(first);
  EXPECT_EQ(client->put("k", "w", {.condition = Condition::if_absent()}).error().code, ErrorCode::condition_failed);
  const auto second = client->cas("k", *first, "w");
  ASSERT_TRUE(second);
  EXPECT_GT(*second, *first);
  EXPECT_EQ(client->cas("k", *first, "x").error().code, ErrorCode::condition_failed);
  EXPECT_EQ(client->get("k")->data, "w");
}

TEST(FakeClient, CountsAndRefusesWhatIsNoNumber) {
  auto client = make_fake_client();
  EXPECT_EQ(*client->incr("n"), 1);
  EXPECT_EQ(*client->incr("n", -11), -10);
  EXPECT_EQ(client->get("n")->data, "-10");
  ASSERT_TRUE(client->put("n", "9223372036854775807"));
  EXPECT_EQ(client->incr("n").error().code, ErrorCode::invalid_argument);
  ASSERT_TRUE(client->put("n", "one"));
  EXPECT_EQ(client->incr("n").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client->get("n")->data, "one");
}

TEST(FakeClient, ForgetsWhatExpiredWhenTimePasses) {
  auto client = make_fake_client();
  ASSERT_TRUE(client->put("k", "v", {.ttl = 100ms}));
  client->advance(99ms);
  EXPECT_EQ(**client->ttl("k"), 1ms);
  ASSERT_TRUE(client->put("k", "w", {.keep_ttl = true}));
  client->advance(1ms);
  EXPECT_EQ(client->get("k").error().code, ErrorCode::not_found);
  EXPECT_EQ(client->ttl("k").error().code, ErrorCode::not_found);
  EXPECT_EQ(client->expire("k", 1s).error().code, ErrorCode::not_found);
  EXPECT_EQ(client->persist("k").error().code, ErrorCode::not_found);
}

TEST(FakeClient, SetsAndRemovesAnExpiry) {
  auto client = make_fake_client();
  ASSERT_TRUE(client->put("k", "v"));
  EXPECT_FALSE(*client->persist("k"));
  ASSERT_TRUE(client->expire("k", 1s));
  EXPECT_EQ(**client->ttl("k"), 1s);
  EXPECT_TRUE(*client->persist("k"));
  EXPECT_EQ(*client->ttl("k"), std::nullopt);
}

TEST(FakeClient, AppliesABatchAllOrNothingWithinOnePartition) {
  auto client = make_fake_client();
  const auto outcomes = client->write(std::move(Batch().put("{t}a", "1").incr("{t}n", 5).del("{t}gone")));
  ASSERT_TRUE(outcomes);
  EXPECT_EQ((*outcomes)[1].number, 5);
  EXPECT_FALSE((*outcomes)[2].existed);
  const auto failed =
      client->write(std::move(Batch().put("{t}a", "2").put("{t}b", "2", {.condition = Condition::if_present()})));
  EXPECT_EQ(failed.error().code, ErrorCode::condition_failed);
  EXPECT_EQ(client->get("{t}a")->data, "1");
  EXPECT_EQ(client->write(std::move(Batch().put("a", "1").put("b", "1"))).error().code, ErrorCode::invalid_argument);
}

TEST(FakeClient, ReadsAndWritesManyAtOnceInOrder) {
  auto client = make_fake_client();
  std::vector<std::pair<std::string, std::string>> items;
  std::vector<std::string> keys;
  for (int i = 0; i < 10'000; ++i) {
    items.emplace_back("k" + std::to_string(i), std::to_string(i));
    keys.push_back(items.back().first);
  }
  for (const auto& version : client->mput(items)) ASSERT_TRUE(version);
  keys.emplace_back("missing");
  const auto values = client->mget(keys);
  ASSERT_EQ(values.size(), keys.size());
  for (std::size_t i = 0; i < items.size(); ++i) EXPECT_EQ(values[i]->data, items[i].second);
  EXPECT_EQ(values.back().error().code, ErrorCode::not_found);
}

TEST(FakeClient, FailsTheNextCallsOnRequest) {
  auto client = make_fake_client();
  client->fail_next(2, Error{ErrorCode::busy, Outcome::not_applied, "try later", {}});
  EXPECT_EQ(client->put("k", "v").error().code, ErrorCode::busy);
  EXPECT_EQ(client->get("k").error().code, ErrorCode::busy);
  EXPECT_EQ(client->get("k").error().code, ErrorCode::not_found) << "the put had no effect";
}

TEST(FakeClient, AcceptsEveryLevel) {
  auto client = make_fake_client();
  for (const Ack ack : {Ack::one(), Ack::members(3), Ack::all()}) EXPECT_TRUE(client->put("k", "v", {.ack = ack}));
  for (const Read read : {Read::linearizable(), Read::primary(), Read::session(), Read::bounded(1s), Read::any()}) {
    EXPECT_TRUE(client->get("k", {.read = read}));
    EXPECT_EQ(client->scan({.read = read})->items.size(), 1U);
  }
  EXPECT_EQ(client->put("k", "v", {.ack = Ack::members(8)}).error().code, ErrorCode::invalid_argument);
}

TEST(FakeClient, AppliesAWriteIdOnce) {
  auto client = make_fake_client();
  const WriteId id{.client = 1, .number = 2};
  EXPECT_EQ(*client->incr("n", 1, {.id = id}), 1);
  EXPECT_EQ(*client->incr("n", 1, {.id = id}), 1);
  EXPECT_EQ(client->incr("n", 5, {.id = id}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client->get("n")->data, "1");
  const std::vector<std::pair<std::string, std::string>> items = {{"a", "1"}, {"b", "2"}};
  EXPECT_EQ(client->mput(items, {.id = id})[1].error().code, ErrorCode::invalid_argument);
}

TEST(FakeClient, ExportsAndResumesItsSession) {
  auto client = make_fake_client();
  ASSERT_TRUE(client->put("k", "v"));
  const std::string token = client->session_token();
  client->reset_session();
  EXPECT_NE(client->session_token(), token);
  EXPECT_TRUE(client->resume_session(token));
  EXPECT_EQ(client->session_token(), token);
  EXPECT_EQ(client->resume_session(token + "0").error().code, ErrorCode::invalid_argument);
}

TEST(FakeClient, GivesFutures) {
  auto client = make_fake_client();
  EXPECT_TRUE(client->put("k", "v", {}, use_future).get());
  EXPECT_EQ(client->get("k", {}, use_future).get()->data, "v");
  EXPECT_EQ(*client->incr("n", 3, {}, use_future).get(), 3);
  EXPECT_TRUE(*client->del("k", {}, use_future).get());
  EXPECT_TRUE(client->write(std::move(Batch().put("k", "v")), {}, use_future).get());
}

}  // namespace
}  // namespace gyre
