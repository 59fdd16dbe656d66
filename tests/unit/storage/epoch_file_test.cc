#include "storage/epoch_file.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "storage/files.h"
#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

class EpochFileTest : public testing::Test {
 protected:
  EpochFile must_open() {
    auto opened = EpochFile::open(path_);
    EXPECT_TRUE(opened) << opened.error().message;
    return *std::move(opened);
  }

  void damage(std::size_t offset) const {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write("\xff\xff\xff\xff", 4);
  }

  testing_support::TemporaryDirectory parent_;
  const std::filesystem::path path_ = parent_.path() / "map-epoch";
};

TEST_F(EpochFileTest, HasNoneAtFirstAndThenTheOneSavedLast) {
  EXPECT_EQ(must_open().epoch(), Epoch(0));
  for (const std::uint64_t epoch : {1, 3, 5, 700}) {
    EpochFile file = must_open();
    ASSERT_TRUE(file.save(Epoch(epoch)));
    EXPECT_EQ(file.epoch(), Epoch(epoch));
    EXPECT_EQ(must_open().epoch(), Epoch(epoch)) << "of a process that died";
    ASSERT_TRUE(file.sync());
    ASSERT_TRUE(file.save(Epoch(epoch + 1)));
    EXPECT_EQ(must_open().epoch(), Epoch(epoch + 1));
  }
}

TEST_F(EpochFileTest, NeverChangesItsSize) {
  EpochFile file = must_open();
  const auto size = std::filesystem::file_size(path_);
  ASSERT_TRUE(file.save(Epoch(UINT64_MAX)));
  ASSERT_TRUE(file.save(Epoch(UINT64_MAX)));
  EXPECT_EQ(std::filesystem::file_size(path_), size);
  EXPECT_EQ(must_open().epoch(), Epoch(UINT64_MAX));
}

// However much was saved since the last sync: it is all in the other place.
TEST_F(EpochFileTest, ATornWriteLeavesTheOneThatWasSynced) {
  for (std::uint64_t last = 10; last <= 40; last += 10) {
    EpochFile file = must_open();
    ASSERT_TRUE(file.save(Epoch(last)));
    ASSERT_TRUE(file.sync());
    ASSERT_TRUE(file.save(Epoch(last + 1)));
    ASSERT_TRUE(file.save(Epoch(last + 2)));
    const auto contents = read_file(path_);
    ASSERT_TRUE(contents && *contents);
    EXPECT_FALSE((*contents)->contains(fmt::format("{:020}", last + 1)));
    damage((*contents)->find(fmt::format("{:020}", last + 2)));
    EXPECT_EQ(must_open().epoch(), Epoch(last));
  }
}

// The next process does not know what the disk has: a place that it took for synced could be torn with the other.
TEST_F(EpochFileTest, AStartWritesBothPlacesAnew) {
  EpochFile file = must_open();
  ASSERT_TRUE(file.save(Epoch(10)));
  ASSERT_TRUE(file.sync());
  ASSERT_TRUE(file.save(Epoch(11)));
  EXPECT_EQ(must_open().epoch(), Epoch(11));
  for (const std::size_t place : {0, 4096}) {
    const auto contents = read_file(path_);
    ASSERT_TRUE(contents && *contents);
    damage(place + 20);
    EXPECT_EQ(must_open().epoch(), Epoch(11));
  }
}

TEST_F(EpochFileTest, ASyncThatFailsIsNone) {
  EpochFile file = must_open();
  ASSERT_TRUE(file.save(Epoch(10)));
  ASSERT_TRUE(file.sync());
  ASSERT_TRUE(file.save(Epoch(11)));
  const auto elsewhere = parent_.path() / "elsewhere";
  std::filesystem::rename(path_, elsewhere);
  const auto synced = file.sync();
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code, ErrorCode::storage_failed);
  std::filesystem::rename(elsewhere, path_);
  ASSERT_TRUE(file.save(Epoch(12)));
  const auto contents = read_file(path_);
  ASSERT_TRUE(contents && *contents);
  EXPECT_TRUE((*contents)->contains(fmt::format("{:020}", 10))) << "still the one on disk";
}

TEST_F(EpochFileTest, RefusesWhatIsDamagedInBothPlacesOrCutOff) {
  ASSERT_TRUE(must_open().save(Epoch(5)));
  const auto whole = read_file(path_);
  ASSERT_TRUE(whole && *whole);
  damage(12);
  damage(4096 + 12);
  const auto damaged = EpochFile::open(path_);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::corrupt);
  EXPECT_NE(damaged.error().message.find(path_.string()), std::string::npos) << damaged.error().message;

  ASSERT_TRUE(write_file(path_, (*whole)->substr(0, 8191)));
  const auto cut = EpochFile::open(path_);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::corrupt);
}

TEST_F(EpochFileTest, KeepsTheEpochWhereItCannotBeSaved) {
  EpochFile file = must_open();
  ASSERT_TRUE(file.save(Epoch(5)));
  std::filesystem::rename(path_, parent_.path() / "elsewhere");
  const auto saved = file.save(Epoch(6));
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, ErrorCode::storage_failed);
  EXPECT_EQ(file.epoch(), Epoch(5));
}

}  // namespace
}  // namespace gyre::storage
