#include "tools/gyre/jsonl_reader.h"

#include <gtest/gtest.h>

#include "tests/unit/cli/text_file.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

std::string problem_of(std::string_view line) {
  const auto file = text_file(line);
  JsonlReader reader(file.get());
  const auto record = reader.next();
  return record ? "" : record.error().message;
}

TEST(JsonlReader, ReadsTextBinaryAndTimeToLive) {
  const auto file = text_file(
      "{\"key\":\"a\",\"value\":\"1\"}\n"
      "\n"
      "{\"value_b64\": \"/w==\", \"key\": \"b\\u0000\", \"ttl_ms\": 1500}\r\n"
      "{\"key_b64\":\"/g==\",\"value\":\"\",\"ttl_ms\":null}");
  JsonlReader reader(file.get());
  EXPECT_EQ(**reader.next(), (Record{"a", "1", 0ms}));
  EXPECT_EQ(**reader.next(), (Record{std::string("b\0", 2), "\xFF", 1500ms}));
  EXPECT_EQ(reader.begun(), (RecordPlace{25, 3}));
  EXPECT_EQ(**reader.next(), (Record{"\xFE", "", 0ms}));
  EXPECT_FALSE(reader.next()->has_value());
}

TEST(JsonlReader, SaysWhatIsWrongWithALine) {
  EXPECT_EQ(problem_of("{\"key\":\"a\"}\n"), "'value' (or 'value_b64') is missing");
  EXPECT_EQ(problem_of("{\"value\":\"a\"}\n"), "'key' (or 'key_b64') is missing");
  EXPECT_EQ(problem_of("{\"key\":1,\"value\":\"a\"}\n"), "'key' must be a string");
  EXPECT_EQ(problem_of("{\"key\":\"a\",\"key_b64\":\"/w==\",\"value\":\"a\"}\n"), "'key_b64' is given twice");
  EXPECT_EQ(problem_of("{\"key\":\"a\",\"value\":\"b\",\"ttl\":5}\n"), "unknown field 'ttl'");
  EXPECT_EQ(problem_of("{\"key\":\"a\",\"value\":\"b\",\"ttl_ms\":-5}\n"), "'ttl_ms' must not be negative");
  EXPECT_EQ(problem_of("{\"key\":\"a\",\"value\":\"b\",\"ttl_ms\":1.5}\n"),
            "'ttl_ms' must be a whole number of milliseconds");
  EXPECT_EQ(problem_of("[1]\n"), "an object is wanted: {\"key\": ..., \"value\": ...}");
  EXPECT_EQ(problem_of("\"text\"\n"), "an object is wanted: {\"key\": ..., \"value\": ...}");
  EXPECT_NE(problem_of("{\"key\": nonsense}\n").find("not JSON at column"), std::string::npos);
  EXPECT_NE(problem_of("{\"key\": \"\xFF\", \"value\":\"\"}\n").find("not JSON"), std::string::npos);
  EXPECT_NE(problem_of("{\"key\":\"a\",\"value\":\"b\"} x\n").find("not JSON"), std::string::npos);
}

TEST(JsonlReader, GoesOnBehindABadLine) {
  const auto file = text_file("nonsense\n{\"key\":\"a\",\"value\":\"1\"}\n");
  JsonlReader reader(file.get());
  EXPECT_FALSE(reader.next());
  EXPECT_EQ((*reader.next())->key, "a");
}

TEST(JsonlReader, GoesOnFromAnyRecord) {
  const auto file = text_file("{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"2\"}\n");
  JsonlReader first(file.get());
  ASSERT_TRUE(first.next());
  const auto place = first.place();
  JsonlReader second(file.get());
  ASSERT_TRUE(second.seek(place));
  EXPECT_EQ((*second.next())->key, "b");
  EXPECT_EQ(second.begun().line, 2u);
}

}  // namespace
}  // namespace gyre::cli
