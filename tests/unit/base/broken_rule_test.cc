#include "base/broken_rule.h"

#include <set>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace gyre {
namespace {

TEST(BrokenRule, EachHasANameOfItsOwn) {
  std::set<std::string_view> names = {to_string(BrokenRule::none)};
  const int first = std::to_underlying(kBrokenRuleFirst);
  const int last = std::to_underlying(kBrokenRuleLast);
  for (int rule = first; rule <= last; ++rule) names.insert(to_string(static_cast<BrokenRule>(rule)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(last - first) + 2);
  EXPECT_FALSE(names.contains(""));
}

TEST(BrokenRule, OnlyNoneIsOutsideTheRange) {
  EXPECT_EQ(std::to_underlying(kBrokenRuleFirst), std::to_underlying(BrokenRule::none) + 1);
  EXPECT_EQ(to_string(kBrokenRuleLast), "whole_once_in_place");
}

}  // namespace
}  // namespace gyre
