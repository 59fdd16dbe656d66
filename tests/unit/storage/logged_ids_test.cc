#include "storage/logged_ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

using testing::ElementsAre;

messages::WindowWrite write(std::uint64_t sequence, std::uint64_t client, std::uint64_t lowest_open = 0,
                            std::int64_t time = 0) {
  return {.id = {ClientId(client), WriteNumber(sequence)},
          .lowest_open = WriteNumber(lowest_open),
          .position = {Term(1), Sequence(sequence)},
          .time = {time},
          .fingerprint = 0,
          .outcomes = {}};
}

std::vector<std::uint64_t> open(const LoggedIds& ids) {
  std::vector<std::uint64_t> sequences;
  for (const messages::WindowWrite& write : ids.open()) sequences.push_back(write.position.sequence.value());
  return sequences;
}

TEST(LoggedIds, TakesWhatHasAnIdAndIsNew) {
  LoggedIds ids;
  ids.add(*testing_support::logged({Term(1), Sequence(1)}, {}));
  ids.add(*testing_support::logged({Term(1), Sequence(2)}, {}, {5}, {ClientId(1), WriteNumber(1)}, WriteNumber(1)));
  ids.add(*testing_support::logged({Term(1), Sequence(2)}, {}, {5}, {ClientId(1), WriteNumber(1)}, WriteNumber(1)));
  EXPECT_THAT(open(ids), ElementsAre(2));
}

TEST(LoggedIds, LeavesOutWhatItsClientClosed) {
  LoggedIds ids;
  for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) ids.add(write(sequence, /*client=*/sequence % 2));
  ids.add(write(5, 1, /*lowest_open=*/3));
  ids.add(write(6, 1, /*lowest_open=*/2));  // a lower one says nothing new
  EXPECT_THAT(open(ids), ElementsAre(2, 3, 4, 5, 6));
}

TEST(LoggedIds, KeepsAnIdToTheEndOfItsLife) {
  LoggedIds ids;
  ids.add(write(1, 1, 0, 1000));
  ids.add(write(2, 1, 0, 1001));
  ids.expire({61'000});
  EXPECT_THAT(open(ids), ElementsAre(1, 2));
  ids.expire({61'001});
  EXPECT_THAT(open(ids), ElementsAre(2));
}

TEST(LoggedIds, IsReplacedInTheOrderOfPositions) {
  LoggedIds ids;
  ids.add(write(9, 1));
  ids.replace({write(4, 1), write(3, 1)});
  ids.add(write(5, 1));
  ids.add(write(6, 1));
  ids.truncate_after(Sequence(5));
  EXPECT_THAT(open(ids), ElementsAre(3, 4, 5));
}

}  // namespace
}  // namespace gyre::storage
