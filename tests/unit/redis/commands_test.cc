// Commands and their replies, as redis-server 7.0.15 gives them to the same lines.
#include <gtest/gtest.h>

#include "support.h"

namespace gyre::redis {
namespace {

struct Line {
  std::string_view command;
  std::string_view reply;  // in RESP2; "nil" for its null
};

void expect(Store& store, std::initializer_list<Line> lines) {
  for (const auto& [command, reply] : lines) {
    const std::string expected = reply == "nil" ? "$-1\r\n" : std::string(reply) + "\r\n";
    EXPECT_EQ(store.resp2(command), expected) << command;
  }
}

void expect(std::initializer_list<Line> lines) {
  Store store;
  expect(store, lines);
}

TEST(RedisCommands, NullsAreThoseOfTheVersion) {
  Store store;
  EXPECT_EQ(store.resp2("GET k"), "$-1\r\n");
  EXPECT_EQ(store.resp3("GET k"), "_\r\n");
  EXPECT_EQ(store.resp2("MGET k l"), "*2\r\n$-1\r\n$-1\r\n");
  EXPECT_EQ(store.resp3("MGET k l"), "*2\r\n_\r\n_\r\n");
  EXPECT_EQ(store.resp3("SET k v NX"), "+OK\r\n");
  EXPECT_EQ(store.resp3("SET k v NX"), "_\r\n");
}

TEST(RedisCommands, SetAndItsConditions) {
  expect({{"SET k v", "+OK"},
          {"get k", "$1\r\nv"},
          {"SET k w NX", "nil"},
          {"SET k w XX", "+OK"},
          {"SET l w XX", "nil"},
          {"SET k x NX XX", "-ERR syntax error"},
          {"SET k x NX GET", "$1\r\nw"},
          {"SET l x NX GET", "nil"},
          {"GET l", "$1\r\nx"},
          {"SET l y GET", "$1\r\nx"},
          {"SET l z XX GET", "$1\r\ny"},
          {"SET m z XX GET", "nil"},
          {"GET m", "nil"},
          {"SET k", "-ERR wrong number of arguments for 'set' command"},
          {"SET k v FOO", "-ERR syntax error"},
          {"SETNX k a", ":0"},
          {"SETNX n a", ":1"},
          {"GETSET n b", "$1\r\na"},
          {"GETSET o b", "nil"},
          {"GETDEL o", "$1\r\nb"},
          {"GETDEL o", "nil"}});
}

TEST(RedisCommands, SetComparesByValue) {
  expect({{"SET k v IFEQ w", "nil"},
          {"SET k v", "+OK"},
          {"SET k w IFEQ v", "+OK"},
          {"SET k x IFEQ v", "nil"},
          {"SET k x IFEQ v GET", "$1\r\nw"},
          {"SET k x GET IFEQ w EX 10", "$1\r\nw"},
          {"TTL k", ":10"},
          {"SET k x IFEQ", "-ERR syntax error"},
          {"SET k x IFEQ w NX", "-ERR syntax error"}});
}

TEST(RedisCommands, SetWithLifetimes) {
  expect({{"SET k v EX 10", "+OK"},
          {"PTTL k", ":10000"},
          {"SET k v PX 1500", "+OK"},
          {"TTL k", ":2"},
          {"PTTL k", ":1500"},
          {"SET k w KEEPTTL", "+OK"},
          {"PTTL k", ":1500"},
          {"SET k v", "+OK"},
          {"TTL k", ":-1"},
          {"SET k v EXAT 1700000100", "+OK"},
          {"EXPIRETIME k", ":1700000100"},
          {"PEXPIRETIME k", ":1700000100000"},
          {"SET k v PXAT 1", "+OK"},
          {"GET k", "nil"},
          {"TTL k", ":-2"},
          {"EXPIRETIME k", ":-2"},
          {"SETEX k 10 v", "+OK"},
          {"PTTL k", ":10000"},
          {"PSETEX k 10 v", "+OK"},
          {"PTTL k", ":10"}});
}

TEST(RedisCommands, SetRefusesBadTimes) {
  expect({{"SET k v EX 0", "-ERR invalid expire time in 'set' command"},
          {"SET k v PXAT -5", "-ERR invalid expire time in 'set' command"},
          {"SET k v EX 9223372036854775807", "-ERR invalid expire time in 'set' command"},
          {"SET k v EX 9223372036854775808", "-ERR value is not an integer or out of range"},
          {"SET k v EX 010", "-ERR value is not an integer or out of range"},
          {"SET k v EX abc NX", "-ERR value is not an integer or out of range"},
          {"SET k v EX abc FOO", "-ERR syntax error"},
          {"SET k v EX", "-ERR syntax error"},
          {"SET k v EX 10 PX 10", "-ERR syntax error"},
          {"SET k v EX 10 KEEPTTL", "-ERR syntax error"},
          {"SET k v EX 10 EX 20", "+OK"},
          {"TTL k", ":20"},
          {"SET k v PERSIST", "-ERR syntax error"},
          {"SETEX k 0 v", "-ERR invalid expire time in 'setex' command"},
          {"SETEX k abc v", "-ERR value is not an integer or out of range"},
          {"PSETEX k -1 v", "-ERR invalid expire time in 'psetex' command"}});
}

TEST(RedisCommands, GetexSetsTheExpiryOfWhatItGives) {
  expect({{"GETEX k EX 0", "nil"},
          {"GETEX k EX abc", "nil"},
          {"GETEX k EX", "-ERR syntax error"},
          {"SET k v", "+OK"},
          {"GETEX k", "$1\r\nv"},
          {"GETEX k EX 10", "$1\r\nv"},
          {"TTL k", ":10"},
          {"GETEX k PERSIST", "$1\r\nv"},
          {"TTL k", ":-1"},
          {"GETEX k PERSIST", "$1\r\nv"},
          {"GETEX k EX 0", "-ERR invalid expire time in 'getex' command"},
          {"GETEX k EX 10 PERSIST", "-ERR syntax error"},
          {"GETEX k KEEPTTL", "-ERR syntax error"},
          {"GETEX k PXAT 1", "$1\r\nv"},
          {"EXISTS k", ":0"}});
}

TEST(RedisCommands, SeveralKeysAtOnce) {
  expect({{"MSET a 1 b 2 a 3", "+OK"},
          {"MGET a b c", "*3\r\n$1\r\n3\r\n$1\r\n2\r\n$-1"},
          {"MSET a", "-ERR wrong number of arguments for 'mset' command"},
          {"MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"},
          {"MSETNX c 1 a 2", ":0"},
          {"GET c", "nil"},
          {"MSETNX c 1 c 2", ":1"},
          {"GET c", "$1\r\n2"},
          {"EXISTS a a c x", ":3"},
          {"TOUCH a x", ":1"},
          {"DEL a a x", ":1"},
          {"UNLINK b c", ":2"},
          {"MGET a b c", "*3\r\n$-1\r\n$-1\r\n$-1"}});
}

TEST(RedisCommands, PartsOfValues) {
  expect({{"APPEND k ''", ":0"},
          {"EXISTS k", ":1"},
          {"APPEND k abc", ":3"},
          {"APPEND k ''", ":3"},
          {"STRLEN k", ":3"},
          {"STRLEN x", ":0"},
          {"GETRANGE k 0 -100", "$1\r\na"},
          {"GETRANGE k -2 -1", "$2\r\nbc"},
          {"GETRANGE k -1 -2", "$0\r\n"},
          {"GETRANGE k 3 3", "$0\r\n"},
          {"GETRANGE k -9223372036854775808 9223372036854775807", "$3\r\nabc"},
          {"SUBSTR k 1 1", "$1\r\nb"},
          {"GETRANGE x 0 1", "$0\r\n"},
          {"GETRANGE k a 1", "-ERR value is not an integer or out of range"},
          {"SETRANGE k 1 XY", ":3"},
          {"SETRANGE k 4 !", ":5"},
          {"GET k", std::string_view("$5\r\naXY\0!", 9)},
          {"SETRANGE x 5 ''", ":0"},
          {"EXISTS x", ":0"},
          {"SETRANGE k 5000 ''", ":5"},
          {"SETRANGE k -1 ''", "-ERR offset is out of range"},
          {"SETRANGE k abc a", "-ERR value is not an integer or out of range"}});
}

TEST(RedisCommands, ValuesHaveALimit) {
  expect({{"SETRANGE k 1023 x", ":1024"},
          {"APPEND k y", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
          {"SETRANGE k 1024 x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
          {"SETRANGE k 9223372036854775807 x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
          {"STRLEN k", ":1024"}});
}

TEST(RedisCommands, Integers) {
  expect({{"INCR k", ":1"},
          {"INCRBY k 41", ":42"},
          {"DECR k", ":41"},
          {"DECRBY k -1", ":42"},
          {"GET k", "$2\r\n42"},
          {"INCRBY k 1.5", "-ERR value is not an integer or out of range"},
          {"INCRBY k ' 1'", "-ERR value is not an integer or out of range"},
          {"INCRBY k +1", "-ERR value is not an integer or out of range"},
          {"INCRBY k -0", "-ERR value is not an integer or out of range"},
          {"DECRBY k -9223372036854775808", "-ERR decrement would overflow"},
          {"SET k 9223372036854775807", "+OK"},
          {"INCR k", "-ERR increment or decrement would overflow"},
          {"SET k -9223372036854775808", "+OK"},
          {"DECR k", "-ERR increment or decrement would overflow"},
          {"SET k 9223372036854775808", "+OK"},
          {"INCR k", "-ERR value is not an integer or out of range"},
          {"SET k ''", "+OK"},
          {"INCR k", "-ERR value is not an integer or out of range"},
          {"SET k 5 EX 10", "+OK"},
          {"INCR k", ":6"},
          {"TTL k", ":10"}});
}

TEST(RedisCommands, Floats) {
  expect({{"INCRBYFLOAT k 10.50", "$4\r\n10.5"},
          {"INCRBYFLOAT k 0.1", "$4\r\n10.6"},
          {"INCRBYFLOAT k -5", "$3\r\n5.6"},
          {"SET k 5.0e3", "+OK"},
          {"INCRBYFLOAT k 2.0e2", "$4\r\n5200"},
          {"INCRBYFLOAT n -0", "$1\r\n0"},
          {"INCRBYFLOAT k inf", "-ERR increment would produce NaN or Infinity"},
          {"INCRBYFLOAT k nan", "-ERR value is not a valid float"},
          {"INCRBYFLOAT k ' 1'", "-ERR value is not a valid float"},
          {"INCRBYFLOAT k '1 '", "-ERR value is not a valid float"},
          {"INCRBYFLOAT k 1e5000", "-ERR value is not a valid float"},
          {"SET k ' 1'", "+OK"},
          {"INCRBYFLOAT k 1", "-ERR value is not a valid float"},
          {"SET k 1 EX 10", "+OK"},
          {"INCRBYFLOAT k 1", "$1\r\n2"},
          {"TTL k", ":10"}});
}

TEST(RedisCommands, Expiry) {
  expect({{"EXPIRE k 10", ":0"},
          {"EXPIRE k abc", "-ERR value is not an integer or out of range"},
          {"PERSIST k", ":0"},
          {"SET k v", "+OK"},
          {"PERSIST k", ":0"},
          {"EXPIRE k 10", ":1"},
          {"PTTL k", ":10000"},
          {"PERSIST k", ":1"},
          {"TTL k", ":-1"},
          {"EXPIRETIME k", ":-1"},
          {"PEXPIRE k 10", ":1"},
          {"PTTL k", ":10"},
          {"EXPIREAT k 1700000001", ":1"},
          {"PTTL k", ":1000"},
          {"PEXPIREAT k 1700000000001", ":1"},
          {"PTTL k", ":1"},
          {"EXPIRE k 9223372036854775807", "-ERR invalid expire time in 'expire' command"},
          {"EXPIRE k -9223372036854775808", "-ERR invalid expire time in 'expire' command"},
          {"PEXPIRE k 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"},
          {"EXPIRE k -1", ":1"},
          {"EXISTS k", ":0"},
          {"SET k v", "+OK"},
          {"EXPIREAT k 1", ":1"},
          {"EXISTS k", ":0"},
          {"SET k v", "+OK"},
          {"PEXPIREAT k -9223372036854775808", ":1"},
          {"EXISTS k", ":0"}});
}

TEST(RedisCommands, ExpiryOnConditions) {
  expect({{"EXPIRE k 10 NX", ":0"},
          {"SET k v", "+OK"},
          {"EXPIRE k 10 XX", ":0"},
          {"EXPIRE k 10 GT", ":0"},
          {"EXPIRE k 20 LT", ":1"},
          {"EXPIRE k 10 nx", ":0"},
          {"EXPIRE k 20 GT", ":0"},
          {"EXPIRE k 20 LT", ":0"},
          {"EXPIRE k 21 GT", ":1"},
          {"PEXPIREAT k 1700000021001 LT", ":0"},
          {"PEXPIREAT k 1700000021001 XX GT", ":1"},
          {"PTTL k", ":21001"},
          {"EXPIRE k -1 GT", ":0"},
          {"EXPIRE k -1 LT", ":1"},
          {"EXISTS k", ":0"},
          {"EXPIRE k abc NX XX", "-ERR NX and XX, GT or LT options at the same time are not compatible"},
          {"EXPIRE k 10 GT LT", "-ERR GT and LT options at the same time are not compatible"},
          {"EXPIRE k 10 FOO", "-ERR Unsupported option FOO"}});
}

TEST(RedisCommands, ValuesExpireWithTime) {
  Store store;
  expect(store, {{"SET k v PX 100", "+OK"}});
  store.now.value += 99;
  expect(store, {{"PTTL k", ":1"}, {"TTL k", ":0"}, {"EXISTS k", ":1"}});
  store.now.value += 1;
  expect(store, {{"GET k", "nil"}, {"PTTL k", ":-2"}, {"APPEND k a", ":1"}, {"TTL k", ":-1"}, {"DEL k", ":1"}});
}

TEST(RedisCommands, NamesAndCopies) {
  expect({{"RENAME a b", "-ERR no such key"},
          {"RENAME a a", "-ERR no such key"},
          {"RENAMENX a a", "-ERR no such key"},
          {"COPY a b", ":0"},
          {"SET a 1 EX 10", "+OK"},
          {"RENAME a a", "+OK"},
          {"RENAMENX a a", ":0"},
          {"RENAME a b", "+OK"},
          {"EXISTS a", ":0"},
          {"PTTL b", ":10000"},
          {"SET c 3", "+OK"},
          {"RENAMENX b c", ":0"},
          {"RENAMENX b a", ":1"},
          {"PTTL a", ":10000"},
          {"COPY a c", ":0"},
          {"COPY a c REPLACE DB 0", ":1"},
          {"MGET a c", "*2\r\n$1\r\n1\r\n$1\r\n1"},
          {"PTTL c", ":10000"},
          {"COPY a a", "-ERR source and destination objects are the same"},
          {"COPY a d DB 1", "-ERR DB index is out of range"},
          {"COPY a d DB x", "-ERR value is not an integer or out of range"},
          {"COPY a d DB", "-ERR syntax error"},
          {"COPY a d FOO", "-ERR syntax error"}});
}

TEST(RedisCommands, LooksIntoValues) {
  expect({{"TYPE k", "+none"},
          {"OBJECT ENCODING k", "nil"},
          {"OBJECT FREQ k", "nil"},
          {"SET k 12", "+OK"},
          {"TYPE k", "+string"},
          {"OBJECT ENCODING k", "$3\r\nint"},
          {"SET k 12345678901234567890", "+OK"},
          {"object encoding k", "$6\r\nembstr"},
          {"SET k 123456789012345678901234567890123456789012345", "+OK"},
          {"OBJECT ENCODING k", "$3\r\nraw"},
          {"OBJECT REFCOUNT k", ":1"},
          {"OBJECT IDLETIME k", ":0"},
          {"OBJECT", "-ERR wrong number of arguments for 'object' command"},
          {"OBJECT ENCODING", "-ERR wrong number of arguments for 'object|encoding' command"},
          {"OBJECT foo k", "-ERR unknown subcommand 'foo'. Try OBJECT HELP."}});
}

TEST(RedisCommands, MemoryUsageCountsKeyAndValue) {
  Store store;
  store.resp2("SET key value");
  const std::string small = store.resp2("MEMORY USAGE key");
  store.resp2("SET key valuevalue");
  EXPECT_EQ(small, ":32\r\n");
  EXPECT_EQ(store.resp2("MEMORY USAGE key SAMPLES 5"), ":37\r\n");
  EXPECT_EQ(store.resp2("MEMORY USAGE nosuch"), "$-1\r\n");
  EXPECT_EQ(store.resp2("MEMORY USAGE key SAMPLES"), "-ERR syntax error\r\n");
}

TEST(RedisCommands, FlushTakesNoOtherWords) {
  Store store;
  EXPECT_EQ(store.resp2("FLUSHALL now"), "-ERR syntax error\r\n");
  EXPECT_EQ(store.resp2("FLUSHDB ASYNC SYNC"), "-ERR syntax error\r\n");
}

}  // namespace
}  // namespace gyre::redis
