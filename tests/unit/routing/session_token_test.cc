#include "routing/session_token.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/hash.h"
#include "base/limits.h"

namespace gyre::routing {
namespace {

SessionToken example() {
  return {Uuid::from_words(1, 2),
          {{PartitionId(0), {Term(1), Sequence(7)}},
           {PartitionId(3), {Term(300), Sequence(1'000'000)}},
           {PartitionId(16383), {Term(~0ULL), Sequence(~0ULL)}}}};
}

RC_GTEST_PROP(SessionToken, ReadsWhatItWrote, ()) {
  SessionToken token{Uuid::from_words(*rc::gen::arbitrary<std::uint64_t>(), 5), {}};
  const auto partitions = *rc::gen::container<std::set<std::uint16_t>>(rc::gen::inRange<std::uint16_t>(0, 16384));
  for (const std::uint16_t partition : partitions) {
    token.seen.push_back(
        {PartitionId(partition),
         {Term(*rc::gen::arbitrary<std::uint64_t>()), Sequence(*rc::gen::arbitrary<std::uint64_t>())}});
  }
  const auto parsed = parse_session_token(to_string(token));
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(*parsed == token);
}

RC_GTEST_PROP(SessionToken, AnyTextIsReadOrRefused, (const std::string& text)) {
  RC_ASSERT(!parse_session_token(text));
  RC_ASSERT(!parse_session_token("gs1." + text));
}

TEST(SessionToken, HoldsEdgesAndNothing) {
  EXPECT_EQ(*parse_session_token(to_string(example())), example());
  const SessionToken none{Uuid::from_words(1, 2), {}};
  EXPECT_EQ(*parse_session_token(to_string(none)), none);
}

TEST(SessionToken, NoticesEveryChangeOfOneCharacterAndEveryCut) {
  const std::string text = to_string(example());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(parse_session_token(changed)) << i;
    EXPECT_FALSE(parse_session_token(text.substr(0, i))) << i;
  }
  EXPECT_EQ(parse_session_token(text + "0").error().code, ErrorCode::invalid_argument);
}

// Texts whose check holds: made by somebody who means harm.
TEST(SessionToken, RefusesWhatNoClientWrites) {
  const auto sealed = [](const std::string& positions) {
    const std::string text = "gs1.00000000000000010000000000000002." + positions + ".";
    char check[9];
    std::snprintf(check, sizeof check, "%08x", static_cast<unsigned>(hash64(text) & 0xffffffffU));
    return text + check;
  };
  EXPECT_TRUE(parse_session_token(sealed("AAEB")));
  EXPECT_FALSE(parse_session_token(sealed("AAE"))) << "a position without its sequence";
  EXPECT_FALSE(parse_session_token(sealed("gIABAQE"))) << "partition 16384";
  EXPECT_FALSE(parse_session_token(sealed("AP___________wIB"))) << "a number of more than 64 bits";
  EXPECT_FALSE(parse_session_token(sealed("____________AQEB"))) << "a number without end";
  EXPECT_FALSE(parse_session_token(sealed("A+E/"))) << "another alphabet";
}

}  // namespace
}  // namespace gyre::routing
