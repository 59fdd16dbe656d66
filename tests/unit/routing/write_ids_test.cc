#include "routing/write_ids.h"

#include <gtest/gtest.h>

namespace gyre::routing {
namespace {

TEST(WriteIds, CountUpFromOne) {
  WriteIds ids(ClientId(9));
  EXPECT_EQ(ids.lowest_open(), WriteNumber(1));
  EXPECT_EQ(ids.open(), (messages::WriteId{ClientId(9), WriteNumber(1)}));
  EXPECT_EQ(ids.open(), (messages::WriteId{ClientId(9), WriteNumber(2)}));
}

TEST(WriteIds, LowestOpenPassesOnlyWhatIsClosed) {
  WriteIds ids(ClientId(9));
  const auto first = ids.open();
  const auto second = ids.open();
  const auto third = ids.open();
  ids.close(second);
  EXPECT_EQ(ids.lowest_open(), first.number);
  ids.close(first);
  EXPECT_EQ(ids.lowest_open(), third.number);
  ids.close(third);
  EXPECT_EQ(ids.lowest_open(), ids.open().number);
}

}  // namespace
}  // namespace gyre::routing
