#include "tools/gyre/record.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/cli/text_file.h"
#include "tools/gyre/record_reader.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

// What a reader makes of the records once they were written.
std::vector<Record> there_and_back(const std::vector<Record>& records, RecordFormat format) {
  std::string text(file_header(format));
  for (const auto& record : records) append_record(text, record, format);
  const auto file = text_file(text);
  auto reader = RecordReader::open(file.get(), format);
  std::vector<Record> read;
  while (auto record = (*reader)->next()) {
    if (!*record) return read;
    read.push_back(std::move(**record));
  }
  return {};
}

Record any_record() {
  return {*rc::gen::arbitrary<std::string>(), *rc::gen::arbitrary<std::string>(),
          std::chrono::milliseconds(*rc::gen::inRange(0, 100'000))};
}

RC_GTEST_PROP(Record, AnyBytesSurviveJsonLines, ()) {
  const std::vector<Record> records = {any_record(), any_record(), any_record()};
  RC_ASSERT(there_and_back(records, RecordFormat::jsonl) == records);
}

RC_GTEST_PROP(Record, AnyBytesSurviveCsv, ()) {
  const std::vector<Record> records = {any_record(), any_record(), any_record()};
  RC_ASSERT(there_and_back(records, RecordFormat::csv) == records);
}

TEST(Record, BytesThatAreSpecialInBothFormatsSurvive) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  const std::vector<Record> records = {{all, "\"\r\n,\"\"", 1ms}, {"\n", "", 0ms}};
  EXPECT_EQ(there_and_back(records, RecordFormat::csv), records);
  EXPECT_EQ(there_and_back(records, RecordFormat::jsonl), records);
}

TEST(Record, FormatFollowsTheEndingUnlessNamed) {
  EXPECT_EQ(*format_of("", "a.csv"), RecordFormat::csv);
  EXPECT_EQ(*format_of("", "a.jsonl"), RecordFormat::jsonl);
  EXPECT_EQ(*format_of("", "-"), RecordFormat::jsonl);
  EXPECT_EQ(*format_of("csv", "-"), RecordFormat::csv);
  EXPECT_FALSE(format_of("xml", "a"));
}

}  // namespace
}  // namespace gyre::cli
