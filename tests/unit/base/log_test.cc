#include "base/log.h"

#include <gtest/gtest.h>

namespace gyre {
namespace {

TEST(Log, RefusesAnUnknownLevelAndNamesTheKnown) {
  const auto result = log::init("test", "verbose");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(result.error().message.find("debug"), std::string::npos);
}

TEST(Log, WritesTheProcessIntoEveryLine) {
  ::testing::internal::CaptureStderr();
  ASSERT_TRUE(log::init("n7", "info"));
  spdlog::info("joined epoch=3");
  spdlog::debug("not shown");
  const std::string output = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(output.find("n7 joined epoch=3"), std::string::npos) << output;
  EXPECT_EQ(output.find("not shown"), std::string::npos) << output;
}

}  // namespace
}  // namespace gyre
