#include "replication/brake.h"

#include <algorithm>
#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "base/timing.h"
#include "tests/unit/replication/cluster.h"

namespace gyre::replication {
namespace {

using namespace std::chrono_literals;
using State = Brake::Learner::State;
using test::Cluster;
using test::put;
using test::request;

const NodeId kLearner("n2");

// A primary that writes as fast as it may, up to `demand` a second, and a learner that takes up to `speed` a second.
class Race {
 public:
  explicit Race(double demand, double speed, std::uint64_t backlog = 0)
      : demand_(demand), speed_(speed), backlog_(backlog) {
    committed_ = backlog_ + 1;
    acknowledged_ = 1;
  }

  void pass(Duration time, const std::function<void()>& learn = {}) {
    for (Duration passed{0}; passed < time; passed += kTick) {
      now += kTick;
      const double tick = std::chrono::duration<double>(kTick).count();
      due_ = std::min(due_ + demand_ * tick, demand_);
      for (; due_ >= 1 && brake.pass(now); due_ -= 1) ++committed_;
      written_.push_back(committed_);
      if (learn) {
        learn();
      } else if (state == State::following) {
        acknowledged_ = std::min(acknowledged_ + speed_ * tick, double(committed_));
      }
      if (brake.due(now)) look();
    }
  }
  // It has what was written until so long ago.
  void keep_behind(Duration time) {
    const auto ticks = static_cast<std::size_t>(time / kTick);
    if (written_.size() > ticks) acknowledged_ = double(written_[written_.size() - 1 - ticks]);
    late_ = true;
  }
  void take(std::uint64_t writes) { acknowledged_ = std::min(acknowledged_ + double(writes), double(committed_)); }
  void look() {
    std::vector<Brake::Learner> learners;
    if (!in_sync) learners.push_back({kLearner, state, close(), Sequence(std::uint64_t(acknowledged_)), snapshots});
    brake.look(now, Sequence(committed_), learners);
  }
  std::uint64_t lacks() const { return committed_ - std::uint64_t(acknowledged_); }
  // A tenth of a second's worth.
  bool close() const { return !late_ && double(lacks()) <= speed_ / 10; }
  std::uint64_t committed() const { return committed_; }
  void set_speed(double speed) { speed_ = speed; }
  void set_demand(double demand) { demand_ = demand; }

  Instant now{1000s};
  Brake brake{now};
  State state = State::following;
  std::size_t snapshots = 0;
  bool in_sync = false;

 private:
  double demand_;
  double speed_;
  std::uint64_t backlog_;
  std::uint64_t committed_;
  double acknowledged_;
  double due_ = 0;
  std::vector<std::uint64_t> written_;  // after each tick
  bool late_ = false;
};

TEST(Brake, LetsEverythingPassWhileNobodyNeedsHelp) {
  Race race(30'000, 60'000);
  race.pass(10s);
  EXPECT_FALSE(race.brake.on());
}

TEST(Brake, ALearnerThatGainsOnThePrimaryNeedsNone) {
  Race race(30'000, 45'000, 600'000);
  race.pass(20s);
  EXPECT_FALSE(race.brake.on());
  race.pass(25s);
  EXPECT_TRUE(race.close());
}

TEST(Brake, OneThatCannotKeepUpIsHelpedAfterAWhileAndCatchesUp) {
  Race race(30'000, 25'000);
  race.pass(2500ms);
  EXPECT_FALSE(race.brake.on());
  race.pass(3s);
  ASSERT_TRUE(race.brake.on());
  EXPECT_TRUE(race.brake.helps(kLearner));
  EXPECT_EQ(race.brake.helped(), kLearner);
  const std::uint64_t before = race.committed();
  race.pass(2s);
  EXPECT_LE(race.committed() - before, 2u * 15'000 + 1000) << "half of what was written, as it takes more than that";
  EXPECT_GE(race.committed() - before, 20'000u) << "and no less";
  race.pass(5s);
  EXPECT_TRUE(race.close());
  EXPECT_TRUE(race.brake.on()) << "until it is in sync";
  race.in_sync = true;
  race.pass(1s);
  EXPECT_FALSE(race.brake.on());
}

TEST(Brake, ALongBacklogIsWaitedForAsLongAsItShrinks) {
  Race race(30'000, 25'000, 1'000'000);
  race.pass(60s);
  ASSERT_TRUE(race.brake.on());
  race.pass(60s);
  EXPECT_TRUE(race.close());
}

TEST(Brake, FewWritesWaitSoThatNoneWaitsLong) {
  Race race(30'000, 25'000);
  race.pass(6s);
  ASSERT_TRUE(race.brake.on());
  EXPECT_LE(race.brake.waiting_max(), 15'000u / 4 + 100);
  EXPECT_GE(race.brake.waiting_max(), 16u);
}

TEST(Brake, WhatPassesIsSpreadOverTime) {
  Race race(30'000, 25'000);
  race.pass(6s);
  ASSERT_TRUE(race.brake.on());
  int most = 0;
  for (int tick = 0; tick < 20; ++tick) {
    race.now += kTick;
    int passed = 0;
    while (race.brake.pass(race.now)) ++passed;
    most = std::max(most, passed);
  }
  EXPECT_LE(most, 15'000 / 20 + 10) << "a burst is of fifty milliseconds";
}

TEST(Brake, OneThatTakesNothingIsGivenUp) {
  Race race(30'000, 25'000);
  race.pass(5s);
  ASSERT_TRUE(race.brake.on());
  race.set_speed(0);
  race.pass(Brake::kStuck + 1s);
  EXPECT_FALSE(race.brake.on());
}

TEST(Brake, OneThatTakesNothingIsNotEvenBegunWith) {
  Race race(30'000, 0);
  race.pass(60s);
  EXPECT_FALSE(race.brake.on());
}

TEST(Brake, OneThatComesNoNearerIsGivenUpAndLeftAloneForAMinute) {
  // It takes twice what is written while it is helped, but has an endless lot to take.
  Race race(30'000, 25'000, 1'000'000'000);
  int seconds_on = 0;
  for (int second = 0; second < 160; ++second) {
    race.pass(1s);
    seconds_on += race.brake.on() ? 1 : 0;
  }
  EXPECT_GE(seconds_on, 25);
  EXPECT_LE(seconds_on, 40) << "twice as long as the patience there is";
}

// A learner that is paced gets a page now and then: between two of them it takes nothing at all.
class Pages : public testing::TestWithParam<Duration> {};

TEST_P(Pages, ALearnerThatTakesThemTooSlowlyIsHelped) {
  Race race(30'000, 25'000);
  Duration passed{0};
  const auto learn = [&] {
    passed += kTick;
    if (passed % GetParam() == Duration(0)) race.take(5'000);
  };
  race.pass(2500ms, learn);
  EXPECT_FALSE(race.brake.on());
  race.pass(5s, learn);
  EXPECT_TRUE(race.brake.on());
}

TEST_P(Pages, OneThatGainsByThemNeedsNoHelp) {
  Race race(1'000, 25'000, 1'000'000);
  Duration passed{0};
  race.pass(60s, [&] {
    passed += kTick;
    if (passed % GetParam() == Duration(0)) race.take(5'000);
    EXPECT_FALSE(race.brake.on());
  });
}

INSTANTIATE_TEST_SUITE_P(Every, Pages, testing::Values(300ms, 1s, 1700ms, 3s),
                         [](const auto& each) { return std::to_string(each.param / 1ms) + "ms"; });

TEST(Brake, OneThatTakesNothingForLongStretchesIsNotSlow) {
  Race race(30'000, 25'000);
  Duration passed{0};
  race.pass(60s, [&] {
    passed += kTick;
    if (passed % 10s == Duration(0)) race.take(5'000);
    EXPECT_FALSE(race.brake.on()) << "it is held up, and no brake can help";
  });
}

// Its answers take longer than a heartbeat: no pause of the writers changes that.
TEST(Brake, OneThatIsFarAwayIsNotWaitedForLong) {
  Race race(30'000, 30'000, 6'000);
  int on = 0;
  for (int half_seconds = 0; half_seconds < 120; ++half_seconds) {
    race.pass(500ms, [&] { race.keep_behind(200ms); });
    on += race.brake.on() ? 1 : 0;
  }
  EXPECT_GE(on, 1);
  EXPECT_LE(on, 12) << "a few seconds";
}

TEST(Brake, ASingleBadLookDoesNotStopEverybody) {
  Race race(30'000, 25'000);
  race.pass(5s);
  ASSERT_TRUE(race.brake.on());
  race.set_speed(10);
  race.pass(500ms);
  race.set_speed(25'000);
  const std::uint64_t before = race.committed();
  race.pass(1s);
  EXPECT_GE(race.committed() - before, 4'000u);
}

TEST(Brake, ASecondSnapshotIsHelpedAndAThirdOneMore) {
  Race race(30'000, 25'000);
  race.state = State::snapshot;
  race.pass(10s);
  EXPECT_FALSE(race.brake.on()) << "the first may do";
  race.snapshots = 1;
  race.pass(1s);
  ASSERT_TRUE(race.brake.on());
  std::uint64_t before = race.committed();
  race.pass(2s);
  EXPECT_NEAR(double(race.committed() - before), 30'000, 3'000);
  race.snapshots = 2;
  race.pass(1s);
  before = race.committed();
  race.pass(2s);
  EXPECT_NEAR(double(race.committed() - before), 15'000, 2'000);
  race.pass(Brake::kTooLong);
  EXPECT_FALSE(race.brake.on());
}

TEST(Brake, OneThatIsHurriedIsHelpedAtOnce) {
  Race race(30'000, 25'000);
  race.pass(1s);
  race.brake.hurry(race.now, kLearner);
  EXPECT_TRUE(race.brake.on());
  const std::uint64_t before = race.committed();
  race.pass(200ms);
  race.brake.hurry(race.now, kLearner);
  race.pass(200ms);
  EXPECT_NEAR(double(race.committed() - before), 6'000, 1'000) << "once is enough";
  race.in_sync = true;
  race.pass(1s);
  EXPECT_FALSE(race.brake.on());
}

TEST(Brake, WhoIsSuspendedDecidesNothingByTheTimeThatPassed) {
  Race race(30'000, 25'000);
  race.pass(2s);
  for (int i = 0; i < 5; ++i) {
    race.now += 10s;
    race.look();
  }
  EXPECT_FALSE(race.brake.on());
}

// --- In a primary ---

// n2 is a learner of which the test plays the acknowledgements: it takes `speed` writes a tick, and no more.
class SlowLearner : public testing::Test {
 protected:
  SlowLearner() {
    c.drop = [](const Cluster::Packet& packet) { return packet.to == NodeId("n2"); };
    c.serve("n1", {"n1"});
  }

  void acknowledge() {
    messages::AppendAck ack;
    ack.partition = test::kPartition;
    ack.term = Term(1);
    ack.generation = Generation(1);
    ack.echo = ack.sent_at = c.now.steady;
    ack.position = {Term(1), Sequence(taken)};
    ack.promised = Term(1);
    c.at("n1")->on_peer(c.now, NodeId("n2"), Incarnation(1), ack);
    c.collect("n1");
  }
  // Ticks with `writes` in each.
  void pass(Duration time, int writes, std::uint64_t speed) {
    for (Duration passed{0}; passed < time; passed += kTick) {
      for (int i = 0; i < writes; ++i) tickets.push_back(c.write("n1", request({put("k", "v")})));
      c.advance(kTick);
      const std::uint64_t committed = c.at("n1")->state().position.sequence.value();
      taken = std::min(taken + speed, committed);
      acknowledge();
    }
  }
  // Writes that the learner has not even heard of.
  void fall_behind(int writes) {
    for (int i = 0; i < writes; ++i) tickets.push_back(c.write("n1", request({put("k", "v")})));
    c.advance(500ms);
  }
  std::uint64_t committed() { return c.at("n1")->state().position.sequence.value(); }
  bool asked_for() { return c.told<messages::SetInSync>("n1").has_value(); }
  std::size_t refused() {
    return static_cast<std::size_t>(std::ranges::count_if(
        tickets, [&](auto t) { return c.answered("n1", t) && c.code(c.answer("n1", t)) == ErrorCode::busy; }));
  }

  Cluster c{{"n1", "n2"}};
  std::uint64_t taken = 0;
  std::vector<std::uint64_t> tickets;
};

TEST_F(SlowLearner, WritesThatNeverStopWaitUntilItIsInSync) {
  fall_behind(1000);
  pass(2s, 40, 30);
  EXPECT_FALSE(asked_for());
  EXPECT_EQ(refused(), 0u);
  pass(10s, 40, 30);
  ASSERT_TRUE(asked_for()) << "the move goes on";
  EXPECT_GT(refused(), 0u) << "what is too much was refused, not queued";
  c.set_in_sync({"n1", "n2"});
  c.publish();
  pass(1s, 20, 30);
  const std::size_t before = refused();
  pass(500ms, 20, 30);
  EXPECT_EQ(refused(), before) << "and then nothing waits any more";
}

TEST_F(SlowLearner, WhatWaitsIsAnsweredSoon) {
  fall_behind(1000);
  pass(6s, 40, 30);
  pass(500ms, 0, 0);
  for (const auto ticket : tickets) EXPECT_TRUE(c.answered("n1", ticket));
}

// Its primary has more than memory keeps.
class FarBehind : public SlowLearner {
 protected:
  FarBehind() {
    c.holds_work = true;
    const std::string large(300'000, 'v');
    for (int i = 0; i < 10; ++i) {
      c.at("n1")->on_write(c.now, Ticket(1000 + static_cast<std::uint64_t>(i)), request({put("k", large)}));
      c.at("n1").commit(c.now);
    }
    (void)c.at("n1")->take_effects(c.now);
    ack.partition = test::kPartition;
    ack.term = Term(1);
    ack.generation = Generation(1);
    ack.promised = Term(1);
  }

  // The learner says what it has; what the primary does then.
  std::vector<Effect> hear(Position position) {
    ack.echo = ack.sent_at = c.now.steady += 1ms;
    ack.position = position;
    c.at("n1")->on_peer(c.now, NodeId("n2"), Incarnation(1), ack);
    return c.at("n1")->take_effects(c.now);
  }
  void read_log(Position position) {
    for (Effect& effect : hear(position)) {
      if (const auto* read = std::get_if<ReadLog>(&effect)) reads.push_back(*read);
    }
  }

  messages::AppendAck ack;
  std::vector<ReadLog> reads;
};

TEST_F(FarBehind, WhoHasNothingTakesASnapshot) {
  bool told = false;
  for (const Effect& effect : hear({})) {
    EXPECT_FALSE(std::holds_alternative<ReadLog>(effect));
    const auto* send = std::get_if<Send>(&effect);
    const auto* append = send == nullptr ? nullptr : std::get_if<messages::Append>(&send->message);
    if (append == nullptr || send->to != NodeId("n2")) continue;
    EXPECT_TRUE(append->writes.empty());
    told = told || (!append->history.empty() && append->previous == Position());
  }
  EXPECT_TRUE(told);
}

TEST_F(FarBehind, ReadsOfTheLogForItArePacedOnlyWhileNobodyWaitsForIt) {
  const Position first{Term(1), Sequence(1)};
  read_log(first);
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_TRUE(reads[0].paced);
  c.at("n1")->on_log(c.now, reads[0].task, fail(ErrorCode::busy, "later"));
  reads.clear();
  c.set_in_sync({"n1", "n2"});
  c.at("n1")->on_map(c.now, c.map);
  read_log(first);
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_FALSE(reads[0].paced);
}

// --- Taking over ---

messages::Order hand_over() { return {messages::Order::Kind::hand_over, PartitionId(0), Term(1), NodeId("n2")}; }

// n2 is in sync.
class SlowSuccessor : public SlowLearner {
 protected:
  SlowSuccessor() {
    pass(200ms, 10, 20);
    c.set_in_sync({"n1", "n2"});
    c.publish();
    pass(1s, 20, 20);
    EXPECT_EQ(taken, committed());
  }
  void order() {
    c.at("n1")->on_order(c.now, hand_over());
    c.collect("n1");
  }
  bool handed_over() { return c.told<messages::HandedOver>("n1").has_value(); }
};

TEST_F(SlowSuccessor, ComesNearBeforeWritesWaitForIt) {
  pass(400ms, 40, 25);
  ASSERT_GT(committed() - taken, 200u);
  Duration waited{0};
  Duration pause{0};
  Duration longest{0};
  for (; waited < 2s && !handed_over(); waited += kTick) {
    const std::uint64_t before = committed();
    order();
    pass(kTick, 40, 25);
    pause = committed() == before ? pause + kTick : Duration(0);
    longest = std::max(longest, pause);
  }
  EXPECT_LE(waited, 1200ms);
  EXPECT_LE(longest, 200ms);
}

TEST_F(SlowSuccessor, TakesOverAllTheSameIfItNeverComesNear) {
  std::vector<std::uint64_t> history;
  Duration waited{0};
  for (; waited < 3s && !handed_over(); waited += kTick) {
    if (waited >= 500ms) order();
    for (int i = 0; i < 10; ++i) c.write("n1", request({put("k", "v")}));
    c.advance(kTick);
    history.push_back(committed());
    if (history.size() > 8) taken = history[history.size() - 9];  // always a little late
    acknowledge();
  }
  EXPECT_GE(waited, 1500ms) << "it was waited for";
  EXPECT_LT(waited, 2s);
}

}  // namespace
}  // namespace gyre::replication
