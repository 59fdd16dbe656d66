#include "tools/gyre/load.h"

#include <csignal>

#include <gtest/gtest.h>

#include "tests/unit/cli/later_client.h"
#include "tests/unit/cli/text_file.h"
#include "tools/gyre/interrupt.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

class Load : public testing::Test {
 protected:
  // A file of `count` records k0, k1, ...
  static std::string records(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) append_record(text, {"k" + std::to_string(i), "v"}, RecordFormat::jsonl);
    return text;
  }

  LoadReport load(Client& client, std::string_view text, RecordPlace from = {}) {
    const auto file = text_file(text);
    auto reader = RecordReader::open(file.get(), RecordFormat::jsonl);
    EXPECT_TRUE((*reader)->seek(from));
    const auto on_bad = [this](const RecordPlace& place, const std::string&) { bad_lines_.push_back(place.line); };
    return Loader(client, **reader, options_, on_bad, [](const LoadReport&) {}).run();
  }

  LoadOptions options_{.name = "file", .concurrency = 8, .patience = 200ms};
  std::vector<std::uint64_t> bad_lines_;
  MemoryClient memory_;
};

TEST_F(Load, StoresEveryRecordAndSettlesTheWholeFile) {
  const auto text = records(5000);
  LaterClient client(memory_);
  const auto report = load(client, text);
  EXPECT_FALSE(report.error);
  EXPECT_EQ(report.records, 5000u);
  EXPECT_EQ(memory_.keys.size(), 5000u);
  EXPECT_EQ(report.stop.offset, text.size());
  EXPECT_LE(client.most_open(), 8u);
}

TEST_F(Load, SendsAgainWhatFailedInPassing) {
  options_.patience = 10s;
  int failures = 5;
  memory_.before_put = [&](std::string_view key) -> Result<void> {
    if (key == "k3" && failures-- > 0) return fail(ErrorCode::busy, "stall");
    return {};
  };
  LaterClient client(memory_);
  const auto report = load(client, records(100));
  EXPECT_FALSE(report.error);
  EXPECT_EQ(report.records, 100u);
  EXPECT_EQ(report.resent, 5u);
}

TEST_F(Load, GivesUpWhenNothingSucceedsAndResumesAtTheFirstOpenRecord) {
  bool down = false;
  memory_.before_put = [&](std::string_view key) -> Result<void> {
    if (key == "k50") down = true;
    if (down) return fail(ErrorCode::unavailable, "no primary");
    return {};
  };
  const auto text = records(100);
  LaterClient client(memory_);
  const auto report = load(client, text);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->code, ErrorCode::unavailable);
  EXPECT_EQ(report.stop.line, 51u);
  EXPECT_EQ(report.stop.offset, records(50).size());

  memory_.before_put = nullptr;
  const auto resumed = load(client, text, report.stop);
  EXPECT_FALSE(resumed.error);
  EXPECT_EQ(resumed.records, 50u);
  EXPECT_EQ(memory_.keys.size(), 100u);
}

TEST_F(Load, ABadLineStopsItAndNamesThePlace) {
  LaterClient client(memory_);
  const auto report = load(client, records(10) + "nonsense\n" + records(5));
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->code, ErrorCode::invalid_argument);
  EXPECT_EQ(report.error->message.find("file:11: not JSON"), 0u);
  EXPECT_EQ(report.records, 10u);
  EXPECT_EQ(report.stop.line, 11u);
}

TEST_F(Load, SkipBadCountsAndGoesOn) {
  options_.skip_bad = true;
  memory_.before_put = [&](std::string_view key) -> Result<void> {
    if (key == "k2") return fail(ErrorCode::too_large, "too large");
    return {};
  };
  LaterClient client(memory_);
  const auto text = records(10) + "nonsense\n" + records(5);
  const auto report = load(client, text);
  EXPECT_FALSE(report.error);
  EXPECT_EQ(report.bad, 3u);
  EXPECT_EQ(report.records, 13u);
  EXPECT_EQ(bad_lines_.size(), 3u);
  EXPECT_EQ(report.stop.offset, text.size());
}

TEST_F(Load, AnInterruptFinishesWhatIsInFlight) {
  const InterruptGuard guard;
  memory_.before_put = [&](std::string_view key) -> Result<void> {
    if (key == "k20") std::raise(SIGINT);
    return {};
  };
  const auto text = records(5000);
  LaterClient client(memory_);
  const auto report = load(client, text);
  EXPECT_TRUE(report.interrupted);
  EXPECT_FALSE(report.error);
  EXPECT_GE(report.records, 21u);
  EXPECT_LT(report.records, 5000u);
  EXPECT_EQ(report.records, memory_.keys.size());
  EXPECT_EQ(report.stop.line, report.records + 1);
}

}  // namespace
}  // namespace gyre::cli
