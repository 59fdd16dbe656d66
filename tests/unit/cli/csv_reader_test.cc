#include "tools/gyre/csv_reader.h"

#include <gtest/gtest.h>

#include "tests/unit/cli/text_file.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;
using Fields = std::vector<std::string>;

TEST(CsvRow, FollowsRfc4180) {
  EXPECT_EQ(*parse_csv_row("aaa,bbb,ccc\r\n"), (Fields{"aaa", "bbb", "ccc"}));
  EXPECT_EQ(*parse_csv_row("\"aaa\",\"b\r\nbb\",\"c\"\"c\"\n"), (Fields{"aaa", "b\r\nbb", "c\"c"}));
  EXPECT_EQ(*parse_csv_row("a,,"), (Fields{"a", "", ""}));
  EXPECT_EQ(*parse_csv_row("\"\",x"), (Fields{"", "x"}));
}

TEST(CsvRow, RefusesStrayQuotes) {
  EXPECT_FALSE(parse_csv_row("a\"b,c"));
  EXPECT_FALSE(parse_csv_row("\"a\"b,c"));
  EXPECT_FALSE(parse_csv_row("\"open"));
}

TEST(CsvReader, ReadsColumnsInAnyOrder) {
  const auto file = text_file("\xEF\xBB\xBFttl_ms,value,key_b64\n,\"1,\n\",/w==\n\n250,2,YQ==\n");
  auto reader = CsvReader::open(file.get());
  ASSERT_TRUE(reader);
  EXPECT_EQ(**(*reader)->next(), (Record{"\xFF", "1,\n", 0ms}));
  EXPECT_EQ(**(*reader)->next(), (Record{"a", "2", 250ms}));
  EXPECT_EQ((*reader)->begun().line, 5u);
  EXPECT_FALSE((*reader)->next()->has_value());
}

TEST(CsvReader, RefusesAHeaderItCannotUse) {
  for (const auto* header : {"", "a,b\n", "key\n", "value\n", "key,key,value\n", "key,key_b64,value\n"}) {
    const auto file = text_file(header);
    EXPECT_FALSE(CsvReader::open(file.get())) << header;
  }
}

TEST(CsvReader, GoesOnBehindABadRow) {
  const auto file = text_file("key,value,ttl_ms\na,1\nb,2,soon\nc,3,\n");
  auto reader = CsvReader::open(file.get());
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->next().error().message, "2 fields where the header names 3");
  EXPECT_EQ((*reader)->next().error().message, "ttl_ms 'soon' is no whole number of milliseconds");
  EXPECT_EQ((*(*reader)->next())->key, "c");
}

TEST(CsvReader, NamesAnUnclosedQuoteAtItsLine) {
  const auto file = text_file("key,value\na,1\nb,\"open\nc,3\n");
  auto reader = CsvReader::open(file.get());
  ASSERT_TRUE(reader);
  EXPECT_TRUE((*reader)->next());
  EXPECT_EQ((*reader)->next().error().message, "a quote is never closed");
  EXPECT_EQ((*reader)->begun().line, 3u);
}

TEST(CsvReader, AStrayQuoteSpoilsItsOwnRowAlone) {
  const auto file = text_file("key,value\na,5\" disk\nb,\"x\"y\nc,3\nd,\"1\n\"\"2\"\ne,5\n");
  auto reader = CsvReader::open(file.get());
  ASSERT_TRUE(reader);
  EXPECT_FALSE((*reader)->next());
  EXPECT_FALSE((*reader)->next());
  EXPECT_EQ((*(*reader)->next())->key, "c");
  EXPECT_EQ((*(*reader)->next())->value, "1\n\"2");
  EXPECT_EQ((*(*reader)->next())->key, "e");
}

}  // namespace
}  // namespace gyre::cli
