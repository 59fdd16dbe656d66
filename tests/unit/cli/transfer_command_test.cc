#include "tests/unit/cli/command_line.h"
#include "tests/unit/cli/text_file.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

class TransferCommands : public CommandLine {
 protected:
  const ScratchDir dir_;
};

TEST_F(TransferCommands, DumpThenLoadGivesBackBinaryKeysAndTimesToLive) {
  client_->keys = {{"a", {"1", {1, 1}, {}}},
                   {std::string("\xFF\0\n", 3), {"\"quoted\",\r\n", {1, 2}, 5000ms}},
                   {"c", {"\xFE", {1, 3}, {}}}};
  const auto before = client_->keys;
  for (const auto* name : {"d.jsonl", "d.csv"}) {
    const auto file = dir_.file(name);
    EXPECT_EQ(gyre({"dump", file, "--json"}).json()["records"], 3);
    client_->keys.clear();
    const auto loaded = gyre({"load", file, "--json"});
    EXPECT_EQ(loaded.exit_code, kExitOk);
    EXPECT_EQ(loaded.json()["complete"], true);
    ASSERT_EQ(client_->keys.size(), before.size());
    for (const auto& [key, value] : before) {
      EXPECT_EQ(client_->keys[key].data, value.data);
      EXPECT_EQ(client_->keys[key].ttl, value.ttl);
    }
  }
}

TEST_F(TransferCommands, DumpToStandardOutputIsTheRecordsAlone) {
  client_->keys["a"] = Value{"1", {1, 1}, {}};
  const auto dumped = gyre({"dump"});
  EXPECT_EQ(dumped.out, "{\"key\":\"a\",\"value\":\"1\"}\n");
  EXPECT_NE(dumped.err.find("dumped 1 records"), std::string::npos);
}

TEST_F(TransferCommands, ABadLineExitsWithTwoNamesItselfAndCanBeResumed) {
  const std::string good = "{\"key\":\"a\",\"value\":\"1\"}\n";
  const auto file = dir_.write("d.jsonl", good + "{\"key\":\"b\"}\n" + good);
  const auto stopped = gyre({"load", file});
  EXPECT_EQ(stopped.exit_code, kExitUsage);
  EXPECT_NE(stopped.err.find(file + ":2: 'value' (or 'value_b64') is missing"), std::string::npos);
  EXPECT_NE(stopped.err.find("gyre load --resume --format jsonl " + file), std::string::npos);

  const auto skipped = gyre({"load", file, "--resume", "--skip-bad", "--json"});
  EXPECT_EQ(skipped.exit_code, kExitOk);
  EXPECT_EQ(skipped.json()["records"], 1);
  EXPECT_EQ(skipped.json()["bad"], 1);
  EXPECT_FALSE(std::filesystem::exists(file + ".gyre-resume"));
}

TEST_F(TransferCommands, CsvGoesOnWithItsHeader) {
  const auto file = dir_.write("d.csv", "value,key\n1,a\nbroken\n3,c\n");
  EXPECT_EQ(gyre({"load", file}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"load", file, "--resume", "--skip-bad"}).exit_code, kExitOk);
  EXPECT_EQ(client_->keys["c"].data, "3");
}

TEST_F(TransferCommands, WhatCannotBeReadExitsWithTwo) {
  EXPECT_EQ(gyre({"load", dir_.file("none")}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"load", dir_.file("")}).exit_code, kExitUsage);
  const auto file = dir_.write("d.jsonl", "");
  EXPECT_NE(gyre({"load", file, "--resume"}).err.find("there is nothing to resume"), std::string::npos);
  EXPECT_EQ(gyre({"load", file, "--format", "xml"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"dump", "/does/not/exist/d"}).exit_code, kExitUsage);
}

}  // namespace
}  // namespace gyre::cli
