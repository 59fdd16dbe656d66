#include "tools/gyre/load_window.h"

#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

TEST(LoadWindow, FirstOpenWaitsForTheSlowest) {
  LoadWindow window;
  const auto a = window.begin({0, 1}, {"a", "1"});
  const auto b = window.begin({10, 2}, {"b", "22"});
  const auto c = window.begin({20, 3}, {"c", "333"});
  EXPECT_EQ(window.open_bytes(), 9u);
  window.settle(b);
  window.settle(c);
  EXPECT_EQ(window.first_open()->offset, 0u);
  EXPECT_EQ(window.open(), 1u);
  EXPECT_EQ(window.span(), 3u);
  window.settle(a);
  EXPECT_FALSE(window.first_open());
  EXPECT_EQ(window.open_bytes(), 0u);
}

TEST(LoadWindow, TicketsStayValidWhileTheFrontMoves) {
  LoadWindow window;
  const auto a = window.begin({0, 1}, {"a", ""});
  const auto b = window.begin({10, 2}, {"b", ""});
  window.settle(a);
  const auto c = window.begin({20, 3}, {"c", ""});
  EXPECT_EQ(window.record(b).key, "b");
  EXPECT_EQ(window.record(c).key, "c");
  EXPECT_EQ(window.first_open()->line, 2u);
}

}  // namespace
}  // namespace gyre::cli
