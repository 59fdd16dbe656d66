#include <gtest/gtest.h>

#include "support.h"

namespace gyre::redis {
namespace {

Store store_of(std::string_view a, std::string_view b) {
  Store store;
  store.resp2("SET a " + std::string(a));
  store.resp2("SET b " + std::string(b));
  return store;
}

TEST(RedisLcs, GivesTextOrLength) {
  Store store = store_of("ohmytext", "mynewtext");
  EXPECT_EQ(store.resp2("LCS a b"), "$6\r\nmytext\r\n");
  EXPECT_EQ(store.resp2("LCS a b LEN"), ":6\r\n");
  EXPECT_EQ(store.resp2("LCS a b WITHMATCHLEN MINMATCHLEN 9"), "$6\r\nmytext\r\n");
  EXPECT_EQ(store.resp2("LCS a nope"), "$0\r\n\r\n");
  EXPECT_EQ(store.resp2("LCS a nope LEN"), ":0\r\n");
}

TEST(RedisLcs, GivesRanges) {
  Store store = store_of("ohmytext", "mynewtext");
  EXPECT_EQ(store.resp3("LCS a b IDX WITHMATCHLEN"),
            "%2\r\n$7\r\nmatches\r\n*2\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n"
            "*3\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n:2\r\n$3\r\nlen\r\n:6\r\n");
  EXPECT_EQ(store.resp2("LCS a b IDX MINMATCHLEN 4"),
            "*4\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n$3\r\nlen\r\n:6\r\n");
  EXPECT_EQ(store.resp2("LCS nope nope IDX"), "*4\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:0\r\n");
}

TEST(RedisLcs, RefusesBadOptions) {
  Store store = store_of("a", "b");
  EXPECT_EQ(store.resp2("LCS a b LEN IDX"), "-ERR If you want both the length and indexes, please just use IDX.\r\n");
  EXPECT_EQ(store.resp2("LCS a b MINMATCHLEN"), "-ERR syntax error\r\n");
  EXPECT_EQ(store.resp2("LCS a b MINMATCHLEN x"), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(store.resp2("LCS a b nope"), "-ERR syntax error\r\n");
}

TEST(RedisLcs, MemoryIsBounded) {
  Store store = store_of("abcdefghijklmnop", "abcdefghijklmnop");
  EXPECT_EQ(store.resp2("LCS a b LEN"),
            "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n");
}

}  // namespace
}  // namespace gyre::redis
