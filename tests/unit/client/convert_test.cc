#include "client/convert.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace gyre::client {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMax = 1000;

ErrorCode refusal(const Batch& batch) {
  const auto request = write_request(batch, {.value_bytes_max = kMax});
  return request ? ErrorCode{} : request.error().code;
}

TEST(Convert, RefusesEmptyAndOverlongKeys) {
  EXPECT_EQ(get_request("", true, Read::any()).error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(get_request(std::string(limits::kKeyBytesMax, 'k'), true, Read::any()));
  EXPECT_EQ(get_request(std::string(limits::kKeyBytesMax + 1, 'k'), true, Read::any()).error().code,
            ErrorCode::too_large);
  EXPECT_EQ(refusal(Batch().del("")), ErrorCode::invalid_argument);
}

TEST(Convert, RefusesOverlongValuesAndBatches) {
  EXPECT_TRUE(write_request(Batch().put("k", std::string(kMax, 'v')), {.value_bytes_max = kMax}));
  EXPECT_EQ(refusal(Batch().put("k", std::string(kMax + 1, 'v'))), ErrorCode::too_large);
  EXPECT_EQ(refusal(Batch().put("a", std::string(kMax / 2, 'v')).put("b", std::string(kMax / 2, 'v'))),
            ErrorCode::too_large);
  Batch many;
  for (std::size_t i = 0; i <= limits::kBatchOperationsMax; ++i) many.del("k");
  EXPECT_EQ(refusal(many), ErrorCode::too_large);
  EXPECT_EQ(refusal(Batch()), ErrorCode::invalid_argument);
}

TEST(Convert, RefusesTimesToLiveThatMakeNoSense) {
  EXPECT_EQ(refusal(Batch().put("k", "v", {.ttl = -1ms})), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal(Batch().put("k", "v", {.ttl = 1ms, .keep_ttl = true})), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal(Batch().expire("k", 0ms)), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal(Batch().expire("k", std::chrono::years(101))), ErrorCode::invalid_argument);
}

TEST(Convert, CarriesEveryOptionOfAWrite) {
  const Version version{3, 42};
  const auto body = write_request(Batch()
                                      .put("p", "v", {.ttl = 5ms, .condition = Condition::if_version(version)})
                                      .put("q", "w", {.keep_ttl = true})
                                      .incr("i", -7)
                                      .persist("s"),
                                  {});
  ASSERT_TRUE(body);
  const auto& operations = std::get<messages::WriteRequest>(*body).operations;
  ASSERT_EQ(operations.size(), 4U);
  EXPECT_EQ(operations[0].expiry.kind, messages::Expiry::Kind::after);
  EXPECT_EQ(operations[0].expiry.ms, 5);
  EXPECT_EQ(operations[0].condition.kind, messages::Condition::Kind::version);
  EXPECT_EQ(operations[0].condition.version, (Position{Term(3), Sequence(42)}));
  EXPECT_EQ(operations[1].expiry.kind, messages::Expiry::Kind::keep);
  EXPECT_EQ(operations[2].kind, messages::WriteKind::incr);
  EXPECT_EQ(operations[2].delta, -7);
  EXPECT_EQ(operations[3].kind, messages::WriteKind::persist);
}

TEST(Convert, CarriesEveryReadLevel) {
  EXPECT_EQ(to_message(Read::linearizable())->level, messages::ReadLevel::linearizable);
  EXPECT_EQ(to_message(Read::primary())->level, messages::ReadLevel::primary);
  EXPECT_EQ(to_message(Read::session())->level, messages::ReadLevel::session);
  EXPECT_EQ(to_message(Read::any())->level, messages::ReadLevel::any);
  EXPECT_EQ(to_message(Read::bounded(7ms))->level, messages::ReadLevel::bounded);
  EXPECT_EQ(to_message(Read::bounded(7ms))->bound, 7ms);
  for (const auto bound : {-1ms, 0ms, std::chrono::milliseconds::max()}) {
    EXPECT_EQ(to_message(Read::bounded(bound)).error().code, ErrorCode::invalid_argument);
  }
}

TEST(Convert, CarriesAcknowledgementsThatARequestCanAskFor) {
  EXPECT_EQ(*to_message(Ack::one()), 1);
  EXPECT_EQ(*to_message(Ack::members(7)), 7);
  EXPECT_EQ(*to_message(Ack::all()), messages::kAckAll);
  for (const std::uint32_t count : {0U, 8U, 255U, 257U}) {
    EXPECT_EQ(to_message(Ack::members(count)).error().code, ErrorCode::invalid_argument) << count;
  }
}

TEST(Convert, CarriesTheCallersWriteId) {
  const auto with = [](WriteId id) { return write_request(Batch().del("k"), {.id = id}); };
  const auto body = with({3, 4, 5s});
  ASSERT_TRUE(body);
  const auto& write = std::get<messages::WriteRequest>(*body);
  EXPECT_EQ(write.id, (messages::WriteId{ClientId(3), WriteNumber(4)}));
  EXPECT_EQ(write.age, 5s);
  EXPECT_FALSE(std::get<messages::WriteRequest>(*write_request(Batch().del("k"), {})).id.given());
  EXPECT_EQ(with({0, 4}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(with({3, 4, -1ms}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(with({3, 4, limits::kWriteIdLife}).error().outcome, Outcome::unknown);
}

TEST(Convert, AnAbsentKeyIsNotFound) {
  EXPECT_EQ(to_value(messages::GetResponse{}).error().code, ErrorCode::not_found);
  EXPECT_EQ(to_ttl(messages::ResponseBody(messages::GetResponse{})).error().code, ErrorCode::not_found);
}

TEST(Convert, CountsABatchThatWasLostOnce) {
  const Position one{Term(1), Sequence(1)};
  const Position two{Term(1), Sequence(2)};
  const auto lost = to_lost_writes(
      {PartitionId(3), {{Bytes::copy_of("a"), one}, {Bytes::copy_of("b"), one}, {Bytes::copy_of("c"), two}}, true});
  EXPECT_EQ(lost.partition, 3U);
  EXPECT_EQ(lost.count, 2U);
  EXPECT_EQ(lost.writes.size(), 3U);
  EXPECT_TRUE(lost.more);
}

TEST(Convert, AnAnswerThatFitsNoRequestIsAnErrorAndAWriteMayHaveHappened) {
  EXPECT_EQ(to_value(messages::WriteResponse{}).error().code, ErrorCode::internal);
  const auto outcomes = to_outcomes(messages::WriteResponse{}, 1);
  ASSERT_FALSE(outcomes);
  EXPECT_EQ(outcomes.error().outcome, Outcome::unknown);
}

}  // namespace
}  // namespace gyre::client
