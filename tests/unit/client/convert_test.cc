#include "client/convert.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace gyre::client {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMax = 1000;

ErrorCode refusal(const Batch& batch) {
  const auto request = write_request(batch, kMax);
  return request ? ErrorCode{} : request.error().code;
}

TEST(Convert, RefusesEmptyAndOverlongKeys) {
  EXPECT_EQ(get_request("", true).error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(get_request(std::string(limits::kKeyBytesMax, 'k'), true));
  EXPECT_EQ(get_request(std::string(limits::kKeyBytesMax + 1, 'k'), true).error().code, ErrorCode::too_large);
  EXPECT_EQ(refusal(Batch().del("")), ErrorCode::invalid_argument);
}

TEST(Convert, RefusesOverlongValuesAndBatches) {
  EXPECT_TRUE(write_request(Batch().put("k", std::string(kMax, 'v')), kMax));
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
                                  kMax);
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

TEST(Convert, AnAnswerThatFitsNoRequestIsAnErrorAndAWriteMayHaveHappened) {
  EXPECT_EQ(to_value(messages::WriteResponse{}).error().code, ErrorCode::internal);
  const auto outcomes = to_outcomes(messages::WriteResponse{}, 1);
  ASSERT_FALSE(outcomes);
  EXPECT_EQ(outcomes.error().outcome, Outcome::unknown);
}

}  // namespace
}  // namespace gyre::client
