#include "storage/files.h"

#include <gtest/gtest.h>

#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

TEST(Files, ReadsBackWhatWasWrittenAndReplaced) {
  const testing_support::TemporaryDirectory directory;
  const auto path = directory.path() / "file";
  ASSERT_TRUE(write_file(path, "first, longer"));
  ASSERT_TRUE(write_file(path, "second"));
  const auto text = read_file(path);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "second");
}

TEST(Files, GivesNoneForAFileThatIsNotThere) {
  const testing_support::TemporaryDirectory directory;
  const auto text = read_file(directory.path() / "file");
  ASSERT_TRUE(text);
  EXPECT_FALSE(text->has_value());
}

TEST(Files, NamesTheFileItCannotRead) {
  const testing_support::TemporaryDirectory directory;
  const auto text = read_file(directory.path());
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::storage_failed);
  EXPECT_NE(text.error().message.find(directory.path().string()), std::string::npos);
}

TEST(Files, FailsToWriteWhereThereIsNoDirectory) {
  const testing_support::TemporaryDirectory directory;
  const auto written = write_file(directory.path() / "none" / "file", "text");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::storage_failed);
}

TEST(FileLock, RefusesASecondHolderAndNamesTheFirst) {
  const testing_support::TemporaryDirectory directory;
  const auto path = directory.path() / "LOCK";
  auto first = FileLock::acquire(path);
  ASSERT_TRUE(first);
  const auto second = FileLock::acquire(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::denied);
  EXPECT_NE(second.error().message.find("process " + std::to_string(::getpid())), std::string::npos);
}

TEST(FileLock, IsFreeAgainWhenItsHolderIsGone) {
  const testing_support::TemporaryDirectory directory;
  const auto path = directory.path() / "LOCK";
  {
    ASSERT_TRUE(FileLock::acquire(path));
  }
  EXPECT_TRUE(FileLock::acquire(path));
}

}  // namespace
}  // namespace gyre::storage
