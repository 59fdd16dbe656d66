#include "tests/unit/cli/command_line.h"
#include "tests/unit/cli/text_file.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

class KvCommands : public CommandLine {};

TEST_F(KvCommands, PutStoresAndGetPrintsTheVeryBytes) {
  EXPECT_EQ(gyre({"put", "k", "v w"}).out, "ok, version 1:1\n");
  const auto got = gyre({"get", "k"});
  EXPECT_EQ(got.exit_code, kExitOk);
  EXPECT_EQ(got.out, "v w");
}

TEST_F(KvCommands, ValuesComeFromFilesAndGoToFilesUnchanged) {
  const ScratchDir dir;
  const std::string bytes("\0\xFF\n\r\x1B", 5);
  const auto file = dir.write("in", bytes);
  EXPECT_EQ(gyre({"put", "k", "--file", file}).exit_code, kExitOk);
  EXPECT_EQ(client_->keys["k"].data, bytes);
  EXPECT_EQ(gyre({"get", "k"}).out, bytes);
  EXPECT_EQ(gyre({"get", "k", "--out", dir.file("out")}).exit_code, kExitOk);
  EXPECT_EQ(dir.read("out"), bytes);
}

TEST_F(KvCommands, AwkwardWordsArriveAsTheyAre) {
  for (const std::string word : {"{}", "[a,b]", "", "get", "%%", "a=b", "-5", "true", "{user}:1", "a b", "\\n"}) {
    EXPECT_EQ(gyre({"put", "k", word}).exit_code, kExitOk) << word;
    EXPECT_EQ(client_->keys["k"].data, word);
    if (word.empty()) continue;
    EXPECT_EQ(gyre({"put", word, "x"}).exit_code, kExitOk) << word;
    EXPECT_EQ(gyre({"get", word}).exit_code, kExitOk) << word;
    if (word.starts_with('[')) continue;
    EXPECT_EQ(gyre({"mget", word, "k"}).exit_code, kExitOk) << word;
  }
  EXPECT_EQ(gyre({"put", "k", "--", "--file"}).exit_code, kExitOk);
  EXPECT_EQ(client_->keys["k"].data, "--file");
}

TEST_F(KvCommands, JsonOfGet) {
  client_->keys["k"] = Value{"v", {3, 9}, 1500ms};
  EXPECT_EQ(gyre({"--json", "get", "k"}).out, R"({"key":"k","value":"v","version":"3:9","ttl_ms":1500})"
                                              "\n");
  EXPECT_EQ(gyre({"get", "k", "--json"}).json()["value"], "v");
}

TEST_F(KvCommands, WhatIsMissingExitsWithOne) {
  const auto got = gyre({"get", "k"});
  EXPECT_EQ(got.exit_code, kExitNegative);
  EXPECT_EQ(got.out, "");
  EXPECT_EQ(got.err, "error: not_found: there is no such key\n");
  EXPECT_EQ(gyre({"del", "k"}).exit_code, kExitNegative);
  EXPECT_EQ(gyre({"ttl", "k"}).exit_code, kExitNegative);
  const auto json = gyre({"get", "k", "--json"});
  EXPECT_EQ(nlohmann::json::parse(json.err)["error"]["code"], "not_found");
}

TEST_F(KvCommands, ConditionsThatFailExitWithOne) {
  EXPECT_EQ(gyre({"put", "k", "1", "--if-present"}).exit_code, kExitNegative);
  EXPECT_EQ(gyre({"put", "k", "1", "--if-absent"}).exit_code, kExitOk);
  EXPECT_EQ(gyre({"put", "k", "2", "--if-absent"}).exit_code, kExitNegative);
  EXPECT_EQ(gyre({"put", "k", "2", "--if-version", "1:1"}).exit_code, kExitOk);
  EXPECT_EQ(gyre({"cas", "k", "1:1", "3"}).exit_code, kExitNegative);
  EXPECT_EQ(gyre({"cas", "k", "1:2", "3"}).exit_code, kExitOk);
  EXPECT_EQ(client_->keys["k"].data, "3");
}

TEST_F(KvCommands, BadArgumentsExitWithTwoAndChangeNothing) {
  EXPECT_EQ(gyre({"put", "k"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"put", "k", "v", "--ttl", "soon"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"put", "k", "v", "--if-version", "x"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"put", "k", "v", "--if-absent", "--if-present"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"put", "k", "v", "--file", "f"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"put", "k", "--file", "/does/not/exist"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"incr", "k", "many"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"put", "a", "b", "c"}).err.find("usage: 'c' is one argument too many"), 0u);
  EXPECT_TRUE(client_->keys.empty());
}

TEST_F(KvCommands, AnUnknownOutcomeIsSaidSo) {
  client_->before_put = [](std::string_view) -> Result<void> {
    return fail(ErrorCode::outcome_unknown, "the connection was lost", gyre::Outcome::unknown);
  };
  const auto put = gyre({"put", "k", "v"});
  EXPECT_EQ(put.exit_code, kExitUnavailable);
  EXPECT_NE(put.err.find("the write may have been applied"), std::string::npos);
  client_->before_put = [](std::string_view) -> Result<void> { return fail(ErrorCode::busy, "write stall"); };
  EXPECT_NE(gyre({"put", "k", "v"}).err.find("nothing was written"), std::string::npos);
}

TEST_F(KvCommands, TimeToLiveIsSetShownAndRemoved) {
  gyre({"put", "k", "v", "--ttl", "10s"});
  EXPECT_EQ(gyre({"ttl", "k"}).out, "10000 ms\n");
  EXPECT_EQ(gyre({"expire", "k", "1.5s"}).exit_code, kExitOk);
  EXPECT_EQ(gyre({"ttl", "k", "--json"}).json()["ttl_ms"], 1500);
  EXPECT_EQ(gyre({"persist", "k", "--json"}).json()["removed"], true);
  EXPECT_EQ(gyre({"ttl", "k", "--json"}).json()["ttl_ms"], nullptr);
}

TEST_F(KvCommands, IncrTakesNegativeNumbers) {
  EXPECT_EQ(gyre({"incr", "n"}).out, "1\n");
  EXPECT_EQ(gyre({"incr", "n", "-5"}).out, "-4\n");
  EXPECT_EQ(gyre({"incr", "n", "10", "--json"}).json()["value"], 6);
}

TEST_F(KvCommands, NumbersThatDoNotFitAreRefusedInsteadOfCutOff) {
  EXPECT_EQ(gyre({"incr", "n", "99999999999999999999"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"incr", "n", "-99999999999999999999"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"incr", "n", "1.5"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"scan", "--limit", "-1"}).exit_code, kExitUsage);
  EXPECT_TRUE(client_->keys.empty());
  EXPECT_EQ(gyre({"incr", "n", "+7"}).out, "7\n");
}

TEST_F(KvCommands, ATimeToLiveOfNothingIsRefusedInsteadOfMeaningForever) {
  EXPECT_EQ(gyre({"put", "k", "v", "--ttl", "0"}).exit_code, kExitUsage);
  EXPECT_EQ(gyre({"put", "k", "v", "--ttl", "0.1ms"}).exit_code, kExitUsage);
  EXPECT_TRUE(client_->keys.empty());
}

TEST_F(KvCommands, MgetPrintsWhatIsThereAndExitsWithOneIfAnyIsNot) {
  client_->keys["a"] = Value{"1\t2", {1, 1}, {}};
  const auto text = gyre({"mget", "a", "b"});
  EXPECT_EQ(text.out, "a\t1\\t2\nb\t(not found)\n");
  EXPECT_EQ(text.exit_code, kExitNegative);
  const auto json = gyre({"mget", "a", "b", "--json"}).json();
  EXPECT_EQ(json[0]["value"], "1\t2");
  EXPECT_EQ(json[1]["error"]["code"], "not_found");
}

TEST_F(KvCommands, ScanFollowsPagesUpToItsLimit) {
  for (int i = 0; i < 25; ++i) client_->keys["user:" + std::to_string(100 + i)] = Value{"v", {1, 1}, {}};
  client_->keys["other"] = Value{"v", {1, 1}, {}};
  client_->page_items_max = 10;
  EXPECT_EQ(gyre({"scan", "--prefix", "user:", "--json"}).json().size(), 25u);
  EXPECT_EQ(gyre({"scan", "--prefix", "user:", "--limit", "12", "--json"}).json().size(), 12u);
  EXPECT_EQ(gyre({"scan", "--limit", "2", "--keys-only"}).out, "other\nuser:100\n");
  EXPECT_EQ(gyre({"scan", "--prefix", "none", "--json"}).out, "[]\n");
}

TEST_F(KvCommands, WhereSaysWhichNodesAndWhy) {
  EXPECT_EQ(gyre({"where", "foo", "--json"}).out,
            R"({"slot":12182,"partition":190,"primary":"n2","members":["n2","n3"]})"
            "\n");
  const auto text = gyre({"where", "{foo}bar"}).out;
  EXPECT_NE(text.find("hashed     foo  (the hash tag"), std::string::npos);
  EXPECT_NE(text.find("members    n2, n3"), std::string::npos);
}

}  // namespace
}  // namespace gyre::cli
