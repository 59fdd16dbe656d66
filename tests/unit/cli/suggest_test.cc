#include "tools/gyre/suggest.h"

#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

TEST(EditDistance, CountsSwapsOfNeighboursOnce) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("put", "put"), 0u);
  EXPECT_EQ(edit_distance("upt", "put"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Nearest, FindsTheSlipOfTheFinger) {
  const std::vector<std::string> names = {"put", "get", "cluster", "completion"};
  EXPECT_EQ(nearest("gett", names), "get");
  EXPECT_EQ(nearest("clsuter", names), "cluster");
}

TEST(Nearest, KeepsQuietWhenNothingIsNear) {
  EXPECT_EQ(nearest("frobnicate", {"put", "get"}), "");
  EXPECT_EQ(nearest(std::string(1'000'000, 'x'), {"put"}), "");
}

}  // namespace
}  // namespace gyre::cli
