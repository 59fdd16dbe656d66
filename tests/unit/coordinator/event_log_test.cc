#include "coordinator/event_log.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/limits.h"

namespace gyre::coordinator {
namespace {

class EventLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "gyre-events-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  EventLog reopen() {
    auto log = EventLog::open(directory_);
    EXPECT_TRUE(log) << log.error().message;
    return *std::move(log);
  }
  static messages::ClusterEvent event(std::string kind, std::string detail = "it happened") {
    return {.id = 0,
            .time = {1'700'000'000'123},
            .kind = std::move(kind),
            .node = NodeId("n1"),
            .detail = std::move(detail)};
  }

  std::filesystem::path directory_;
};

TEST_F(EventLogTest, KeepsEventsAcrossRestartsAndGoesOnCounting) {
  {
    EventLog log = reopen();
    log.add(event("promoted", "n2 \"instead\" of n1\nat once"));
    log.add({.id = 0, .time = {5}, .kind = "sealed", .node = {}, .detail = ""});
    ASSERT_TRUE(log.write(log.take_unwritten()));
    log.add(event("never_written"));
  }
  EventLog log = reopen();
  EXPECT_EQ(log.add(event("next")).id, 3u);
  const auto page = log.page(0);
  ASSERT_EQ(page.events.size(), 3u);
  EXPECT_EQ(page.events[0].detail, "n2 \"instead\" of n1\nat once");
  EXPECT_EQ(page.events[0].node, NodeId("n1"));
  EXPECT_EQ(page.events[0].time.value, 1'700'000'000'123);
  EXPECT_TRUE(page.events[1].node.empty());
  EXPECT_EQ(log.page(2).events.size(), 1u);
  EXPECT_TRUE(log.page(3).events.empty());
}

TEST_F(EventLogTest, GoesOnBehindATornLine) {
  {
    EventLog log = reopen();
    log.add(event("first"));
    ASSERT_TRUE(log.write(log.take_unwritten()));
  }
  std::ofstream(directory_ / "events.jsonl", std::ios::app) << R"({"id":2,"time_)";
  {
    EventLog log = reopen();
    EXPECT_EQ(log.page(0).events.size(), 1u);
    log.add(event("second"));
    ASSERT_TRUE(log.write(log.take_unwritten()));
  }
  const EventLog log = reopen();
  EXPECT_EQ(log.page(0).events.size(), 2u);
  EXPECT_EQ(log.passed_over(), 1u);
}

TEST_F(EventLogTest, PassesOverLinesThatAreNoEvents) {
  std::ofstream(directory_ / "events.jsonl") << "{\"id\":1}\nnot even JSON\n";
  EventLog log = reopen();
  EXPECT_EQ(log.passed_over(), 2u);
  log.add(event("first"));
  ASSERT_TRUE(log.write(log.take_unwritten()));
  EXPECT_EQ(reopen().page(0).events.size(), 1u);
}

// As when the disk is full: part of what was written is there.
TEST_F(EventLogTest, AFailedWriteSpoilsNoLaterEvent) {
  EventLog log = reopen();
  std::filesystem::create_directory(directory_ / "events.jsonl");
  log.add(event("lost"));
  ASSERT_FALSE(log.write(log.take_unwritten()));
  std::filesystem::remove(directory_ / "events.jsonl");
  std::ofstream(directory_ / "events.jsonl") << R"({"id":1,"ti)";
  log.add(event("kept"));
  ASSERT_TRUE(log.write(log.take_unwritten()));
  const EventLog again = reopen();
  ASSERT_EQ(again.page(0).events.size(), 1u);
  EXPECT_EQ(again.page(0).events[0].kind, "kept");
}

TEST_F(EventLogTest, GivesPagesAndForgetsTheOldest) {
  EventLog log = reopen();
  for (std::size_t i = 0; i < limits::kEventsKeptMax + 10; ++i) log.add(event("e"));
  ASSERT_TRUE(log.write(log.take_unwritten()));
  const auto page = log.page(0);
  EXPECT_EQ(page.events.size(), limits::kEventsPageItemsMax);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(page.events.front().id, 11u);
  // The next write begins a new file; nothing is forgotten by it.
  log.add(event("after"));
  ASSERT_TRUE(log.write(log.take_unwritten()));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "events.1.jsonl"));
  EXPECT_EQ(reopen().page(limits::kEventsKeptMax).events.size(), 11u);
}

}  // namespace
}  // namespace gyre::coordinator
