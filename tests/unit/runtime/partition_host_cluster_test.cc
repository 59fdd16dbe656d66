// Three hosts wired together in memory, with a coordinator driven by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "support.h"

namespace gyre::runtime {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr PartitionId kPartition(0);

class PartitionHostClusterTest : public testing::TestWithParam<Durability> {
 protected:
  PartitionHostClusterTest() {
    for (HostedNode* node : {&n1, &n2, &n3}) {
      node->open({.durability = GetParam()});
      map.nodes.push_back({.id = node->self, .incarnation = Incarnation(1)});
    }
    map.shape.partitions = kPartitions;
    map.shape.replication_factor = 3;
    map.entries.resize(kPartitions);
  }

  // --- The coordinator ---

  struct Appointment {
    std::uint64_t term;
    std::vector<HostedNode*> in_sync;  // the primary first
    std::vector<HostedNode*> learners = {};
  };
  void appoint(const Appointment& appointment) {
    for (ring::PartitionEntry& entry : map.entries) {
      if (!entry.primary.empty()) entry.deposed.push_back({entry.primary, entry.term});
      entry.term = Term(appointment.term);
      entry.primary = appointment.in_sync.front()->self;
      entry.primary_incarnation = Incarnation(1);
      entry.in_sync.clear();
      entry.learners.clear();
      for (const HostedNode* node : appointment.in_sync) entry.in_sync.push_back({node->self, Generation(0)});
      for (const HostedNode* node : appointment.learners) entry.learners.push_back(node->self);
    }
    publish();
  }
  void publish() {
    map.epoch = map.epoch.next();
    for (ring::PartitionEntry& entry : map.entries) ++entry.version;
    const auto newest = std::make_shared<const ring::ClusterMap>(map);
    ASSERT_TRUE(ring::validate(*newest)) << ring::validate(*newest).error().to_string();
    for (HostedNode* node : {&n1, &n2, &n3}) {
      if (node != cut_off) node->host->on_map(newest);
    }
  }
  // It is no member of anything, from the next map on.
  void remove(const HostedNode& node) {
    for (ring::PartitionEntry& entry : map.entries) {
      std::erase_if(entry.in_sync, [&](const ring::InSyncMember& member) { return member.node == node.self; });
      std::erase(entry.learners, node.self);
    }
  }
  // Lets grow and shrink the in-sync sets as primaries ask.
  void follow_requests() {
    bool changed = false;
    for (HostedNode* node : {&n1, &n2, &n3}) {
      for (const auto& request : node->take_told<messages::SetInSync>()) {
        ring::PartitionEntry& entry = map.entries[request.partition.value()];
        if (node == cut_off || request.term != entry.term || request.version != entry.version) continue;
        const auto members = entry.members();
        entry.in_sync = request.in_sync;
        entry.learners.clear();
        for (const NodeId& member : members) {
          if (entry.find_in_sync(member) == nullptr) entry.learners.push_back(member);
        }
        changed = true;
      }
    }
    if (changed) publish();
  }
  std::vector<messages::SealAnswer> seal(HostedNode& node, std::uint64_t term) {
    messages::Seal seal;
    for (std::uint16_t p = 0; p < kPartitions; ++p) seal.partitions.push_back({PartitionId(p), Term(term)});
    node.host->on_message({.cluster = {}, .node = {}, .incarnation = Incarnation(1)}, seal);
    node.settle();
    return node.take_told<messages::SealAnswer>();
  }

  // --- The world ---

  void settle() {
    bool moved = true;
    for (int round = 0; moved && round < 1000; ++round) {
      moved = false;
      for (HostedNode* node : {&n1, &n2, &n3}) {
        node->settle();
        for (auto& [to, message] : std::exchange(node->environment.sent, {})) moved |= deliver(*node, to, message);
      }
    }
    ASSERT_FALSE(moved) << "the nodes never stop talking";
  }
  bool deliver(HostedNode& from, const NodeId& to, messages::Message& message) {
    for (HostedNode* node : {&n1, &n2, &n3}) {
      if (node->self != to || node == cut_off || &from == cut_off) continue;
      node->host->on_message({.cluster = {}, .node = from.self, .incarnation = Incarnation(1)}, std::move(message));
      return true;
    }
    return false;
  }
  void pass(Duration time) {
    for (Duration passed{0}; passed < time; passed += kTick) {
      for (HostedNode* node : {&n1, &n2, &n3}) {
        node->environment.advance(kTick);
        node->host->on_tick();
      }
      settle();
      follow_requests();
    }
  }
  template <class Condition>
  bool comes_true(Condition condition, Duration within = 10s) {
    for (Duration passed{0}; passed < within && !condition(); passed += kTick) pass(kTick);
    return condition();
  }
  bool serves(const HostedNode& node) const { return node.host->partitions_served() == kPartitions; }
  bool in_sync(const HostedNode& node) const {
    return std::ranges::all_of(map.entries, [&](const auto& e) { return e.find_in_sync(node.self) != nullptr; });
  }

  // --- Requests ---

  Position write(HostedNode& node, std::string_view value, messages::AckCount ack = messages::kAckOne, int number = 0) {
    const RequestId id = node.ask(messages::WriteRequest{.operations = {put(key_in(0, number), value)}, .ack = ack});
    EXPECT_TRUE(comes_true([&] { return node.answered(id); }));
    EXPECT_TRUE(node.succeeded(id)) << node.error(id).to_string();
    return node.succeeded(id) ? node.outcome(id).version : Position{};
  }
  RequestId read(HostedNode& node, messages::ReadConsistency consistency, int number = 0) {
    const RequestId id = node.ask(messages::GetRequest{Bytes::copy_of(key_in(0, number)), true, consistency});
    node.settle();
    return id;
  }
  messages::DigestResponse digest(HostedNode& node) {
    const RequestId id = node.ask(messages::DigestRequest{kPartition, UnixMillis{1}});
    node.settle();
    return std::get<messages::DigestResponse>(node.body(id));
  }
  void expect_same_content(HostedNode& a, HostedNode& b) {
    const auto left = digest(a);
    const auto right = digest(b);
    EXPECT_EQ(left.position, right.position);
    EXPECT_EQ(left.records, right.records);
    EXPECT_EQ(left.digest, right.digest);
    EXPECT_TRUE(left.whole && right.whole);
  }

  HostedNode n1{"n1"};
  HostedNode n2{"n2"};
  HostedNode n3{"n3"};
  const HostedNode* cut_off = nullptr;  // from the other nodes and the coordinator
  ring::ClusterMap map;
};

using messages::ReadLevel;

TEST_P(PartitionHostClusterTest, WhatOneNodeWritesIsReadOnTheOthers) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  const Position written = write(n1, "v", messages::kAckAll);
  for (HostedNode* node : {&n1, &n2, &n3}) {
    const auto session = read(*node, {.level = ReadLevel::session, .seen = written});
    EXPECT_EQ(node->value(session), "v");
    EXPECT_EQ(node->got(session).standing.position, written);
    EXPECT_EQ(node->value(read(*node, {.level = ReadLevel::any})), "v");
  }
  EXPECT_EQ(n2.error(read(n2, {.level = ReadLevel::primary})).code, ErrorCode::not_primary);
  EXPECT_EQ(n1.value(read(n1, {.level = ReadLevel::linearizable})), "v");
}

TEST_P(PartitionHostClusterTest, AMemberThatLacksWhatASessionHasSeenSaysSo) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  cut_off = &n2;
  const Position written = write(n1, "v");
  EXPECT_EQ(n2.error(read(n2, {.level = ReadLevel::session, .seen = written})).code, ErrorCode::behind);
  EXPECT_EQ(n3.value(read(n3, {.level = ReadLevel::session, .seen = written})), "v");
}

TEST_P(PartitionHostClusterTest, AnEmptyMemberIsFedFromTheLogAndGetsInSync) {
  appoint({1, {&n1}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  for (int i = 0; i < 10; ++i) write(n1, std::string(limits::kRecentLogBytesMax / 4, 'x'), messages::kAckOne, i);
  for (auto& entry : map.entries) entry.learners = {n3.self};
  publish();
  n1.environment.pool_full = true;
  pass(500ms);
  EXPECT_FALSE(in_sync(n3));
  n1.environment.pool_full = false;
  ASSERT_TRUE(comes_true([&] { return in_sync(n3); }));
  EXPECT_GE(n1.metrics.log_reads.value(), 1u);
  EXPECT_EQ(n1.metrics.snapshots_sent.value(), 0u);
  expect_same_content(n1, n3);
}

TEST_P(PartitionHostClusterTest, AnEmptyMemberBeyondTheLogReceivesASnapshot) {
  appoint({1, {&n1}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  for (int i = 0; i < 10; ++i) write(n1, std::string(limits::kRecentLogBytesMax / 4, 'x'), messages::kAckOne, i);
  n1.engine.set_plan({.log_forgets = 1});
  for (auto& entry : map.entries) entry.learners = {n3.self};
  publish();
  ASSERT_TRUE(comes_true([&] { return in_sync(n3); }));
  EXPECT_GE(n1.metrics.snapshots_sent.value(), 1u);
  EXPECT_GE(n3.metrics.snapshots_received.value(), 1u);
  write(n1, "later", messages::kAckAll, 11);
  expect_same_content(n1, n3);
}

TEST_P(PartitionHostClusterTest, ASealedMemberIsAppointedAndGoesOn) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  const Position written = write(n1, "v", messages::kAckAll);
  cut_off = &n1;
  for (HostedNode* node : {&n2, &n3}) {
    const auto answers = seal(*node, 2);
    ASSERT_THAT(answers, SizeIs(1));
    ASSERT_THAT(answers[0].items, SizeIs(kPartitions));
    EXPECT_EQ(answers[0].items[0].position, written);
    EXPECT_GT(answers[0].items[0].lease_left, 0ms);
  }
  appoint({2, {&n2, &n3}, {&n1}});
  pass(kTick);
  EXPECT_FALSE(serves(n2)) << "n1 may serve by the lease of n2 yet";
  EXPECT_TRUE(comes_true([&] { return serves(n2); }, map.shape.timing.lease));
  EXPECT_FALSE(serves(n1));
  const Position next = write(n2, "w", messages::kAckAll);
  EXPECT_EQ(next, (Position{Term(2), written.sequence.next()}));
  EXPECT_EQ(n2.value(read(n2, {.level = ReadLevel::session, .seen = written})), "w");
}

TEST_P(PartitionHostClusterTest, ADeposedPrimaryExportsWhatOnlyItHasAndFollowsOn) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  const Position kept = write(n1, "kept", messages::kAckAll);
  cut_off = &n1;
  const Position lost = write(n1, "lost");
  write(n1, "lost too", messages::kAckOne, 1);
  for (HostedNode* node : {&n2, &n3}) seal(*node, 2);
  appoint({2, {&n2, &n3}, {&n1}});
  ASSERT_TRUE(comes_true([&] { return serves(n2); }));
  write(n2, "new", messages::kAckAll, 2);
  EXPECT_EQ(n2.error(read(n2, {.level = ReadLevel::session, .seen = lost})).code, ErrorCode::session_lost);

  cut_off = nullptr;
  publish();
  ASSERT_TRUE(comes_true([&] { return in_sync(n1); }));
  const auto page = n1.ledger->page(0, 100);
  ASSERT_TRUE(page);
  ASSERT_THAT(page->items, SizeIs(2));
  const auto& first = std::get<messages::LostWrite>(page->items[0].loss);
  EXPECT_EQ(first.position, lost);
  EXPECT_EQ(first.mutations.at(0).record.value.view(), "lost");
  EXPECT_EQ(n1.metrics.lost_writes.value(), 2u);
  EXPECT_FALSE(n1.take_told<messages::Accounted>().empty());
  EXPECT_EQ(n1.value(read(n1, {.level = ReadLevel::session, .seen = kept})), "kept");
  expect_same_content(n1, n2);
  expect_same_content(n2, n3);
}

TEST_P(PartitionHostClusterTest, ARewindOfManyLargeValuesFetchesThemPieceByPiece) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  const std::string large(limits::kSnapshotChunkBytes / 8, 'x');
  for (int i = 0; i < 40; ++i) write(n1, large, messages::kAckAll, i);
  cut_off = &n1;
  for (int i = 0; i < 40; i += 2) write(n1, "lost", messages::kAckOne, i);
  for (HostedNode* node : {&n2, &n3}) seal(*node, 2);
  appoint({2, {&n2, &n3}, {&n1}});
  ASSERT_TRUE(comes_true([&] { return serves(n2); }));
  cut_off = nullptr;
  publish();
  ASSERT_TRUE(comes_true([&] { return in_sync(n1); }));
  EXPECT_EQ(n1.metrics.lost_writes.value(), 20u);
  EXPECT_EQ(n1.value(read(n1, {.level = ReadLevel::any}, 4)), large);
  expect_same_content(n1, n2);
}

TEST_P(PartitionHostClusterTest, ANodeThatIsNoMemberAnyMoreDeletesItsCopy) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  write(n1, "v", messages::kAckAll);
  remove(n3);
  publish();
  ASSERT_TRUE(comes_true([&] { return n3.memory.size_of(kPartition).bytes == 0; }));
  const auto retired = n3.take_told<messages::Retired>();
  EXPECT_THAT(retired, SizeIs(kPartitions));
  EXPECT_EQ(n3.metrics.retired.value(), 1u) << "the others held nothing";
  EXPECT_EQ(n1.value(read(n1, {.level = ReadLevel::any})), "v");
  EXPECT_EQ(n3.error(read(n3, {.level = ReadLevel::any})).code, ErrorCode::not_primary);
}

TEST_P(PartitionHostClusterTest, AStartFindsWhatAnEarlierProcessLeftAndRetiresIt) {
  appoint({1, {&n1, &n2, &n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  write(n1, "v", messages::kAckAll);
  remove(n3);
  map.nodes[2].incarnation = Incarnation(2);
  n3.open({.incarnation = Incarnation(2), .durability = GetParam()});
  publish();
  EXPECT_TRUE(comes_true([&] { return n3.memory.size_of(kPartition).bytes == 0; }, 15s));
}

TEST_P(PartitionHostClusterTest, ACopyIsSentNoFasterThanItMay) {
  appoint({1, {&n1}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  const std::string value(limits::kSnapshotChunkBytes / 4, 'x');
  for (int i = 0; i < 20; ++i) write(n1, value, messages::kAckOne, i);
  n1.engine.set_plan({.log_forgets = 1});
  map.moves.bytes_per_second = limits::kSnapshotChunkBytes;
  for (auto& entry : map.entries) entry.learners = {n3.self};
  publish();
  pass(2s);
  EXPECT_FALSE(in_sync(n3));
  EXPECT_GT(n1.metrics.copied_bytes.value(), 0u);
  n1.host->on_second();
  const auto reports = n1.take_told<messages::LoadReport>();
  ASSERT_THAT(reports, SizeIs(1));
  ASSERT_FALSE(reports[0].transfers.empty());
  EXPECT_EQ(reports[0].transfers[0].to, n3.self);
  EXPECT_GT(reports[0].transfers[0].bytes_sent, 0u);
  EXPECT_GE(reports[0].transfers[0].bytes_total, reports[0].transfers[0].bytes_sent);
  map.moves.bytes_per_second = 0;
  publish();
  EXPECT_TRUE(comes_true([&] { return in_sync(n3); }, 3s)) << "the limit is gone, for what is on its way too";
  expect_same_content(n1, n3);
}

TEST_P(PartitionHostClusterTest, TheReplicationFactorAndMinInSyncChangeWhileItRuns) {
  appoint({1, {&n1, &n2}, {&n3}});
  ASSERT_TRUE(comes_true([&] { return serves(n1); }));
  remove(n3);
  map.shape.min_in_sync = 3;
  publish();
  const RequestId refused =
      n1.ask(messages::WriteRequest{.operations = {put(key_in(0), "v")}, .ack = messages::kAckAll});
  settle();
  EXPECT_EQ(n1.error(refused).code, ErrorCode::no_replicas);
  map.shape.min_in_sync = 2;
  map.shape.replication_factor = 2;
  publish();
  write(n1, "v", messages::kAckAll);
}

INSTANTIATE_TEST_SUITE_P(Durabilities, PartitionHostClusterTest,
                         testing::Values(Durability::os, Durability::everysec, Durability::always));

}  // namespace
}  // namespace gyre::runtime
