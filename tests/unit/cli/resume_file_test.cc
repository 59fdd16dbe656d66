#include "tools/gyre/resume_file.h"

#include <gtest/gtest.h>

#include "tests/unit/cli/text_file.h"

namespace gyre::cli {
namespace {

TEST(ResumeFile, GivesBackThePoint) {
  const ScratchDir dir;
  const auto file = dir.file("data.csv");
  ASSERT_TRUE(write_resume(file, {RecordFormat::csv, {1234, 56}, 9999}));
  const auto point = read_resume(file, 9999);
  ASSERT_TRUE(point);
  EXPECT_EQ(point->format, RecordFormat::csv);
  EXPECT_EQ(point->place, (RecordPlace{1234, 56}));
  remove_resume(file);
  EXPECT_FALSE(read_resume(file, 9999));
}

TEST(ResumeFile, RefusesAFileThatShrank) {
  const ScratchDir dir;
  const auto file = dir.file("data.jsonl");
  ASSERT_TRUE(write_resume(file, {RecordFormat::jsonl, {10, 2}, 100}));
  EXPECT_TRUE(read_resume(file, 200));
  EXPECT_FALSE(read_resume(file, 99));
}

TEST(ResumeFile, RefusesWhatIsDamaged) {
  const ScratchDir dir;
  for (const auto* text : {"", "{", "[]", "{\"gyre_resume\":2}",
                           R"({"gyre_resume":1,"format":"csv","offset":-1,"line":1,"file_size":1})"}) {
    dir.write("d.gyre-resume", text);
    EXPECT_FALSE(read_resume(dir.file("d"), 100)) << text;
  }
}

}  // namespace
}  // namespace gyre::cli
