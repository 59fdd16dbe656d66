#include "tools/gyre/dump.h"

#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/unit/cli/memory_client.h"
#include "tests/unit/cli/text_file.h"

namespace gyre::cli {
namespace {

TEST(Dump, WritesEveryPage) {
  MemoryClient client;
  client.page_items_max = 7;
  for (int i = 0; i < 50; ++i) client.keys["k" + std::to_string(i)] = Value{"v", {1, 1}, {}};
  const auto file = text_file("");
  const auto report = dump_records(client, "k1", RecordFormat::jsonl, file.get(), [](const DumpReport&) {});
  EXPECT_FALSE(report.error);
  EXPECT_EQ(report.records, 11u);
  EXPECT_EQ(report.bytes, static_cast<std::uint64_t>(std::ftell(file.get())));
}

TEST(Dump, WhatIsAboutToExpireStillExpires) {
  MemoryClient client;
  client.keys["k"] = Value{"v", {1, 1}, std::chrono::milliseconds(0)};
  const ScratchDir dir;
  TextFile file(std::fopen(dir.file("f").c_str(), "wb"));
  dump_records(client, "", RecordFormat::jsonl, file.get(), [](const DumpReport&) {});
  EXPECT_EQ(dir.read("f"), "{\"key\":\"k\",\"value\":\"v\",\"ttl_ms\":1}\n");
}

TEST(AtomicFile, AppearsOnlyOnceCommitted) {
  const ScratchDir dir;
  dir.write("f", "old");
  {
    auto file = AtomicFile::create(dir.file("f"));
    ASSERT_TRUE(file);
    std::fputs("half", file->stream());
  }
  EXPECT_EQ(dir.read("f"), "old");
  EXPECT_FALSE(std::filesystem::exists(dir.file("f.gyre-tmp")));
  auto file = AtomicFile::create(dir.file("f"));
  std::fputs("new", file->stream());
  EXPECT_TRUE(file->commit());
  EXPECT_EQ(dir.read("f"), "new");
  EXPECT_FALSE(AtomicFile::create("/does/not/exist"));
}

TEST(AtomicFile, WritesToADeviceInPlaceAndNotOverADirectory) {
  const ScratchDir dir;
  ASSERT_EQ(symlink("/dev/null", dir.file("null").c_str()), 0);
  auto file = AtomicFile::create(dir.file("null"));
  ASSERT_TRUE(file);
  std::fputs("x", file->stream());
  EXPECT_TRUE(file->commit());
  EXPECT_TRUE(std::filesystem::is_character_file(dir.file("null")));
  EXPECT_EQ(AtomicFile::create(dir.file("")).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace gyre::cli
