#include "tools/gyred/option_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/gyred/sources.h"

namespace gyre::daemon {
namespace {

using testing::HasSubstr;

enum class Speed { slow, fast };

class OptionSetTest : public testing::Test {
 protected:
  OptionSetTest() {
    set.label("id", id, false, "Name");
    set.address("listen", listen, false, "Where");
    set.addresses("peers", peers, "Others");
    set.flag("loud", loud, "Loud");
    set.integer("loops", loops, {1, 8}, "Loops");
    set.real("weight", weight, {0, 10}, "Weight");
    set.size("cache", cache, {1024, std::size_t{1} << 30}, "Cache");
    set.choice("speed", speed, {{"slow", Speed::slow}, {"fast", Speed::fast}}, "Speed");
  }
  Result<void> put(const std::string& name, const std::string& value) { return set.find(name)->set(value); }
  std::string refusal(const std::string& name, const std::string& value) {
    const Result<void> result = put(name, value);
    return result ? "accepted" : result.error().message;
  }

  std::string id = "n1";
  std::string listen = "127.0.0.1:1";
  std::vector<std::string> peers{"a:1"};
  bool loud = false;
  std::uint32_t loops = 1;
  double weight = 1;
  std::size_t cache = 1 << 20;
  Speed speed = Speed::slow;
  OptionSet set;
};

TEST_F(OptionSetTest, StoresGoodValues) {
  ASSERT_TRUE(put("id", "node-2.a"));
  ASSERT_TRUE(put("listen", "[::1]:80"));
  ASSERT_TRUE(put("peers", "b:2, c:3"));
  ASSERT_TRUE(put("loud", "true"));
  ASSERT_TRUE(put("loops", "8"));
  ASSERT_TRUE(put("weight", "2.5"));
  ASSERT_TRUE(put("cache", "64MiB"));
  ASSERT_TRUE(put("speed", "fast"));
  EXPECT_EQ(id, "node-2.a");
  EXPECT_EQ(listen, "[::1]:80");
  EXPECT_EQ(peers, (std::vector<std::string>{"b:2", "c:3"}));
  EXPECT_TRUE(loud);
  EXPECT_EQ(loops, 8u);
  EXPECT_EQ(weight, 2.5);
  EXPECT_EQ(cache, std::size_t{64} << 20);
  EXPECT_EQ(speed, Speed::fast);
}

TEST_F(OptionSetTest, RefusesBadValuesWithASentenceAndKeepsTheOldOnes) {
  EXPECT_THAT(refusal("id", "a b"), HasSubstr("'a b' is no name"));
  EXPECT_THAT(refusal("id", ""), HasSubstr("is no name"));
  EXPECT_THAT(refusal("listen", "nowhere"), HasSubstr("write HOST:PORT"));
  EXPECT_THAT(refusal("listen", "h:99999"), HasSubstr("write HOST:PORT"));
  EXPECT_THAT(refusal("peers", " , "), HasSubstr("at least one address"));
  EXPECT_THAT(refusal("peers", "a:1,b"), HasSubstr("'b' is no address"));
  EXPECT_THAT(refusal("loud", "yes"), HasSubstr("true, false"));
  for (const char* wrong : {"0", "9", "-1", "2x", "", "1e3", "99999999999999999999"}) {
    EXPECT_THAT(refusal("loops", wrong), HasSubstr("is not a whole number from 1 to 8"));
  }
  for (const char* wrong : {"0", "-1", "11", "nan", "inf", "x"}) {
    EXPECT_THAT(refusal("weight", wrong), HasSubstr("is not a number above 0 and at most 10"));
  }
  EXPECT_THAT(refusal("cache", "64MB2"), HasSubstr("is no size"));
  EXPECT_THAT(refusal("cache", "1"), HasSubstr("not from 1KiB to 1GiB"));
  EXPECT_THAT(refusal("speed", "fats"), HasSubstr("slow, fast (did you mean fast?)"));
  EXPECT_EQ(id, "n1");
  EXPECT_EQ(loops, 1u);
  EXPECT_EQ(weight, 1.0);
  EXPECT_EQ(cache, std::size_t{1} << 20);
}

TEST_F(OptionSetTest, ShowsItsValuesAsToml) {
  id = "quo\"te";
  EXPECT_EQ(to_toml(set),
            "# Name\nid = 'quo\"te'\n"
            "# Where\nlisten = '127.0.0.1:1'\n"
            "# Others\npeers = ['a:1']\n"
            "# Loud\nloud = false\n"
            "# Loops\nloops = 1\n"
            "# Weight\nweight = 1\n"
            "# Cache\ncache = '1MiB'\n"
            "# Speed\nspeed = 'slow'\n");
}

TEST_F(OptionSetTest, AVariableIsNamedAfterItsOption) {
  Option option;
  option.name = "initial-nodes";
  EXPECT_EQ(option.variable(), "GYRE_INITIAL_NODES");
}

}  // namespace
}  // namespace gyre::daemon
