// Real use: data written and loaded through any node, served, restarted, served again.
#include <map>
#include <memory>
#include <sstream>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/sandbox.h"

namespace gyre::integration {
namespace {

using ::testing::HasSubstr;

class Data : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto up = sandbox_.up({"--nodes", "3"});
    ASSERT_EQ(up.status, 0) << up.err;
    for (const char* id : {"n1", "n2", "n3"}) seeds_.push_back(sandbox_.process(id)["native"]);
  }

  Output by_seed(std::size_t node, Words words) {
    words.insert(words.begin(), {"--seeds", seeds_[node]});
    return sandbox_.gyre_anywhere(words);
  }

  Sandbox sandbox_;
  std::vector<std::string> seeds_;
};

constexpr int kRecords = 3000;

std::string sample_jsonl() {
  std::string text;
  for (int i = 0; i < kRecords; ++i) {
    text += fmt::format("{{\"key\":\"user:{}\",\"value\":\"name {} \\u00e4\\n\"}}\n", i, i);
  }
  return text;
}

// What `gyre dump -` prints, by key.
std::map<std::string, std::string> dumped(const Output& dump) {
  std::map<std::string, std::string> values;
  std::istringstream lines(dump.out);
  for (std::string line; std::getline(lines, line);) {
    const auto record = Json::parse(line, nullptr, false);
    if (record.is_object()) values[record.value("key", "")] = record.value("value", "");
  }
  return values;
}

std::vector<std::string> primaries(const Json& partitions) {
  std::vector<std::string> nodes;
  for (const auto& partition : partitions) nodes.push_back(partition["primary"]);
  return nodes;
}

TEST_F(Data, WhatIsPutThroughOneNodeIsReadThroughEveryOther) {
  for (int i = 0; i < 12; ++i) {
    const std::string key = fmt::format("k{}", i), value = fmt::format("value {}", i);
    ASSERT_EQ(by_seed(i % 3, {"put", key, value}).status, 0);
    EXPECT_EQ(by_seed((i + 1) % 3, {"get", key}).out, value);
    EXPECT_EQ(by_seed((i + 2) % 3, {"get", key}).out, value);
  }
  EXPECT_EQ(by_seed(0, {"get", "nobody"}).status, 1);
  EXPECT_EQ(by_seed(1, {"del", "k0"}).status, 0);
  EXPECT_EQ(by_seed(2, {"get", "k0"}).status, 1);
}

TEST_F(Data, ALoadedDataSetIsServedAgainAfterDownAndUp) {
  const auto file = sandbox_.write_file("sample.jsonl", sample_jsonl());
  const auto load = sandbox_.gyre({"load", file});
  ASSERT_EQ(load.status, 0) << load.err;
  const auto before = dumped(sandbox_.gyre({"dump", "-"}));
  EXPECT_EQ(before.size(), static_cast<std::size_t>(kRecords));

  const auto partitions = sandbox_.partitions();
  ASSERT_EQ(sandbox_.gyre({"cluster", "down"}).status, 0);
  EXPECT_EQ(sandbox_.gyre({"--deadline", "500ms", "get", "user:1"}).status, 3);
  const auto up = sandbox_.gyre({"cluster", "up"});
  ASSERT_EQ(up.status, 0) << up.err;

  EXPECT_EQ(dumped(sandbox_.gyre({"dump", "-"})), before);
  EXPECT_EQ(sandbox_.gyre({"get", "user:2999"}).out, "name 2999 \u00e4\n");
  EXPECT_EQ(sandbox_.status()["cluster"]["without_primary"], 0);
  const auto again = sandbox_.partitions();
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    EXPECT_GT(again[i]["term"], partitions[i]["term"]);  // every start is a new appointment
  }
  // Who was up first may have been appointed meanwhile; primaries drift back.
  EXPECT_TRUE(eventually(60s, [&] { return primaries(sandbox_.partitions()) == primaries(partitions); }));
}

TEST_F(Data, VersionsConditionsAndExpiryHoldThroughTheCommandLine) {
  const auto put = sandbox_.gyre({"put", "c", "1", "--json"});
  ASSERT_EQ(put.status, 0) << put.err;
  const std::string version = put.json()["version"];
  EXPECT_EQ(sandbox_.gyre({"cas", "c", version, "2"}).status, 0);
  EXPECT_EQ(sandbox_.gyre({"cas", "c", version, "3"}).status, 1);
  EXPECT_EQ(sandbox_.gyre({"get", "c"}).out, "2");
  EXPECT_EQ(sandbox_.gyre({"incr", "c"}).status, 0);
  EXPECT_EQ(sandbox_.gyre({"get", "c"}).out, "3");
  ASSERT_EQ(sandbox_.gyre({"put", "short", "x", "--ttl", "200ms"}).status, 0);
  EXPECT_TRUE(eventually(10s, [&] { return sandbox_.gyre({"get", "short"}).status == 1; }));
}

TEST_F(Data, BinaryAndLargeValuesComeBackByteForByte) {
  std::string bytes;
  for (int i = 0; i < 300'000; ++i) bytes += static_cast<char>(i * 31 + i / 256);
  ASSERT_EQ(sandbox_.gyre({"put", "blob", "-"}, bytes).status, 0);
  EXPECT_TRUE(sandbox_.gyre({"get", "blob"}).out == bytes);
  const auto too_large = sandbox_.gyre({"put", std::string(17 * 1024, 'k'), "v"});
  EXPECT_EQ(too_large.status, 2);
  EXPECT_THAT(too_large.err, HasSubstr("too_large"));
}

}  // namespace
}  // namespace gyre::integration
