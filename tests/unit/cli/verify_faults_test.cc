#include "tools/gyre/verify_faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::cli {
namespace {

using testing::HasSubstr;

TEST(ParseFaults, ReadsAListOfNames) {
  EXPECT_EQ(*parse_faults("kill, pause,restart"), (std::vector{FaultKind::kill, FaultKind::pause, FaultKind::restart}));
}

TEST(ParseFaults, KnowsEveryKindByItsName) {
  for (const auto kind :
       {FaultKind::kill, FaultKind::freeze_then_kill, FaultKind::kill_ahead, FaultKind::pause, FaultKind::blink,
        FaultKind::restart, FaultKind::kill_coordinator, FaultKind::pause_coordinator}) {
    EXPECT_EQ(*parse_faults(to_string(kind)), std::vector{kind});
  }
}

TEST(ParseFaults, NamesThoseThereAreWhereItKnowsNone) {
  const auto refused = parse_faults("kill,explode");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(refused.error().message, HasSubstr("explode"));
  EXPECT_THAT(refused.error().message, HasSubstr("pause"));
}

}  // namespace
}  // namespace gyre::cli
