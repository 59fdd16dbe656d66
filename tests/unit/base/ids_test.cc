#include "base/ids.h"

#include <type_traits>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gyre {
namespace {

static_assert(!std::is_convertible_v<std::uint64_t, Term>);
static_assert(!std::is_convertible_v<Term, Sequence>);

TEST(Ids, AreOrderedAndCountOn) {
  EXPECT_LT(Term(3), Term(4));
  EXPECT_EQ(Term(3).next(), Term(4));
  EXPECT_EQ(std::hash<Term>()(Term(3)), std::hash<Term>()(Term(3)));
}

TEST(Ids, PositionsOrderByTermThenSequence) {
  EXPECT_LT((Position{Term(1), Sequence(99)}), (Position{Term(2), Sequence(1)}));
  EXPECT_LT((Position{Term(2), Sequence(1)}), (Position{Term(2), Sequence(2)}));
  EXPECT_EQ(to_string(Position{Term(3), Sequence(1042)}), "3:1042");
}

TEST(NodeId, AcceptsWhatIsSafeInFilesAndUrls) {
  for (const std::string& name :
       {std::string("n"), std::string("n1"), std::string("1"), std::string("eu-west.3_b"), std::string(63, 'x')}) {
    const auto parsed = NodeId::parse(name);
    ASSERT_TRUE(parsed) << name;
    EXPECT_EQ(parsed->str(), name);
  }
}

TEST(NodeId, RefusesEverythingElse) {
  for (const std::string& name :
       {std::string(), std::string(64, 'x'), std::string("-n"), std::string(".n"), std::string("_n"),
        std::string("a b"), std::string("a/b"), std::string("\xc3\xa9"), std::string("a\0b", 3), std::string("n\n")}) {
    const auto parsed = NodeId::parse(name);
    ASSERT_FALSE(parsed) << name;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument) << name;
  }
}

RC_GTEST_PROP(Uuid, ReadsWhatItWrites, (std::uint64_t high, std::uint64_t low)) {
  const Uuid uuid = Uuid::from_words(high, low);
  RC_ASSERT(uuid.str().size() == 32u);
  const auto parsed = Uuid::parse(uuid.str());
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(*parsed == uuid);
}

TEST(Uuid, RefusesEverythingElse) {
  const std::string good = Uuid::from_words(1, 2).str();
  EXPECT_FALSE(Uuid::parse(""));
  EXPECT_FALSE(Uuid::parse(good.substr(1)));
  EXPECT_FALSE(Uuid::parse(good + "0"));
  EXPECT_FALSE(Uuid::parse("G" + good.substr(1)));
  EXPECT_FALSE(Uuid::parse("A" + good.substr(1)));  // one spelling only: they are compared as text
}

}  // namespace
}  // namespace gyre
