#include "redis/rdb_string.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::redis {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

constexpr std::size_t kMax = 1 << 20;

std::string refusal(std::string_view payload, std::size_t bytes_max = kMax) {
  const auto value = restore_string(payload, bytes_max);
  return value ? "none" : std::string(value.error().bytes.view());
}

// With a version and a checksum of its own.
std::string sealed(std::string body, char version = 10) {
  body += version;
  body += '\0';
  const std::uint64_t crc = crc64(body);
  for (int i = 0; i < 8; ++i) body += static_cast<char>(crc >> (8 * i) & 0xff);
  return body;
}

// SOURCE: DUMP of redis-server 7.0.15.
TEST(RdbString, DumpsAsRedisDoesAndRestoresThat) {
  const std::pair<std::string, std::string> dumps[] = {
      {"10", "\x00\xc0\n\n\x00n\x9fWE\x0e\xae"s + "c\xbb"},
      {"hello", "\x00\x05hello\n\x00"s + "cr\xdfve4 \n"},
      {"-32000", "\x00\xc1\x00\x83\n\x00\x1c\x9aQMznu\xf9"s},
      {"2147483647", "\x00\xc2\xff\xff\xff\x7f\n\x00,t\xe5\x9e\xe0.\xad\xa1"s},
      {"2147483648", "\x00\n2147483648\n\x00\xe7\xb1)\xa3L\x1dv\xee"s},
  };
  for (const auto& [value, payload] : dumps) {
    EXPECT_EQ(dump_string(value), payload) << value;
    EXPECT_EQ(restore_string(payload, kMax), value);
  }
}

TEST(RdbString, RestoresWhatRedisCompressed) {
  std::string pairs;
  for (int i = 0; i < 40; ++i) pairs += "ab";
  EXPECT_EQ(
      restore_string("\x00\xc3\n@P\x02"s + "aba\xe0" + "B\x01\x01"s + "ab\n\x00\x94\x9d_\x0e\xb1\xde\xa4"s + "E", kMax),
      pairs);
  EXPECT_EQ(restore_string("\x00\xc3<@P\x1fThe quick brown fox jumps over t \x1e\x0clazy dog, and`\x11\xe0\r0\x04"s +
                               "again\n\x00\xbb\xbc\r\xbb\xb8\x01\xd4\x88"s,
                           kMax),
            "The quick brown fox jumps over the lazy dog, and the quick brown fox jumps again");
}

TEST(RdbString, EveryLengthComesBack) {
  for (const std::size_t size : {0, 1, 12, 63, 64, 16383, 16384, 100'000}) {
    const std::string value(size, '\xff');
    EXPECT_EQ(restore_string(dump_string(value), kMax), value) << size;
  }
  for (const char* number :
       {"0", "-1", "127", "128", "-128", "-129", "32767", "32768", "-2147483648", "007", "-0", "+1"}) {
    EXPECT_EQ(restore_string(dump_string(number), kMax), number);
  }
  EXPECT_EQ(crc64("123456789"), 0xe9c6d914c4b8d9ca) << "SOURCE: the check of crc64.c";
}

TEST(RdbString, WhatIsNoDumpIsRefused) {
  const std::string good = dump_string("hello");
  EXPECT_THAT(refusal(""), HasSubstr("version or checksum"));
  EXPECT_THAT(refusal("x"), HasSubstr("version or checksum"));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    EXPECT_THAT(refusal(bad), HasSubstr("version or checksum")) << i;
  }
  EXPECT_EQ(refusal(sealed("\x00\x02hi"s, 12)), "none");
  EXPECT_THAT(refusal(sealed("\x00\x02hi"s, 13)), HasSubstr("version or checksum"));
  EXPECT_THAT(refusal(sealed("\x12\x01\x02"s)), HasSubstr("no string"));
  for (const std::string& body :
       {""s, "\x00"s, "\x00\x05hell"s, "\x00\xc0"s, "\x00\xc4\x01"s, "\x00\x80\x00"s, "\x00\x82\x00\x00\x00\x01x"s,
        "\x00\xc3\x02\x02\x00"s, "\x00\xc3\x03\x09\x20\x00\x00"s, "\x00\xc3\x03\x03\x01xy"s, "\x00\xc3\xc0\x01x"s}) {
    EXPECT_EQ(refusal(sealed(body)), "ERR Bad data format") << testing::PrintToString(body);
  }
}

TEST(RdbString, WhatIsAnnouncedTakesNoMemory) {
  EXPECT_THAT(refusal(sealed("\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff"s)), HasSubstr("at most"));
  EXPECT_THAT(refusal(sealed("\x00\xc3\x01\x80\x7f\xff\xff\xff\x00"s)), HasSubstr("at most"));
  EXPECT_THAT(refusal(dump_string("hello"), 4), HasSubstr("at most 4"));
}

}  // namespace
}  // namespace gyre::redis
