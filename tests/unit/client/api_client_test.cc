#include "client/api_client.h"

#include <gtest/gtest.h>

#include "client/fake_backend.h"
#include "gyre/fake_client.h"

namespace gyre {
namespace {

TEST(ApiClient, LocatesAKeyByTheMap) {
  auto client = make_fake_client();
  const auto location = client->locate("123456789");
  ASSERT_TRUE(location);
  EXPECT_EQ(location->slot, 0x31C3);  // the CRC16 check value
  EXPECT_EQ(location->partition, 0x31C3 / 64);
  EXPECT_EQ(location->primary, "fake");
  EXPECT_EQ(location->members, std::vector<std::string>{"fake"});
  EXPECT_EQ(location->epoch, 1U);
  EXPECT_EQ(client->locate("").error().code, ErrorCode::invalid_argument);
}

TEST(ApiClient, RefusesBadArgumentsThroughTheCallback) {
  auto client = make_fake_client();
  bool called = false;
  client->put("", "v", {}, [&](Result<Version> version) {
    called = true;
    EXPECT_EQ(version.error().code, ErrorCode::invalid_argument);
  });
  EXPECT_TRUE(called);
}

}  // namespace
}  // namespace gyre
