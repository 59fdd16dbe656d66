#include "base/hash.h"

#include <gtest/gtest.h>

namespace gyre {
namespace {

// What is stored and sent depends on these values. SOURCE: xxhash's own sanity tests and `xxhsum -H64`.
TEST(Hash, IsXxh64) {
  EXPECT_EQ(hash64(""), 0xef46db3751d8e999u);
  EXPECT_EQ(hash64("a"), 0xd24ec4f1a98c6e5bu);
  EXPECT_EQ(hash64("abc"), 0x44bc2cf5ad770999u);
}

TEST(Hash, DependsOnTheSeedAndEveryByte) {
  EXPECT_NE(hash64("abc", 1), hash64("abc"));
  EXPECT_NE(hash64(std::string_view("a\0b", 3)), hash64(std::string_view("a\0c", 3)));
}

}  // namespace
}  // namespace gyre
