#include "net/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::net {
namespace {

using testing::HasSubstr;

TEST(Address, ReadsHostAndPort) {
  const auto parsed = parse_host_port("db1.example.com:7400");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->host, "db1.example.com");
  EXPECT_EQ(parsed->port, 7400);
}

TEST(Address, WritesWhatItReads) {
  for (const std::string text : {"127.0.0.1:7400", "localhost:0", "[::1]:65535", "[fe80::1%eth0]:1"}) {
    const auto parsed = parse_host_port(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->str(), text);
  }
}

TEST(Address, TakesTheBracketsOffAnIpv6Address) {
  const auto parsed = parse_host_port("[2001:db8::7]:80");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->host, "2001:db8::7");
}

struct Bad {
  const char* text;
  const char* why;
};

class BadAddress : public testing::TestWithParam<Bad> {};

TEST_P(BadAddress, IsRefusedWithTheReasonAndAnExample) {
  const auto parsed = parse_host_port(GetParam().text);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(parsed.error().message, HasSubstr(GetParam().why));
  EXPECT_THAT(parsed.error().message, HasSubstr("127.0.0.1:7400"));
}

INSTANTIATE_TEST_SUITE_P(Address, BadAddress,
                         testing::Values(Bad{"", "the port is missing"}, Bad{"localhost", "the port is missing"},
                                         Bad{":7400", "the host is missing"}, Bad{"[]:7400", "the host is missing"},
                                         Bad{"host:", "the port is a number"}, Bad{"host:http", "the port is a number"},
                                         Bad{"host:65536", "the port is a number"},
                                         Bad{"host:-1", "the port is a number"}, Bad{"host:+1", "the port is a number"},
                                         Bad{"host: 1", "the port is a number"}, Bad{"host:1 ", "the port is a number"},
                                         Bad{"::1:7400", "needs [brackets]"}, Bad{"[::1", "needs [brackets]"}));

TEST(Address, AnErrorQuotesNoMoreThanTheBeginningOfALongText) {
  const auto parsed = parse_host_port(std::string(100'000, 'x'));
  ASSERT_FALSE(parsed);
  EXPECT_LT(parsed.error().message.size(), 300u);
}

TEST(Address, KnowsWhatOnlyThisMachineReaches) {
  for (const char* host : {"localhost", "127.0.0.1", "127.8.9.10", "::1"}) {
    EXPECT_TRUE((HostPort{host, 1}.loopback())) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "example.com", "localhost.example.com", "1270.0.0.1"}) {
    EXPECT_FALSE((HostPort{host, 1}.loopback())) << host;
  }
}

}  // namespace
}  // namespace gyre::net
