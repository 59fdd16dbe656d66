// Three hosts wired together in memory, with a coordinator driven by hand.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support.h"

namespace gyre::runtime {

inline constexpr PartitionId kPartition(0);

class HostedCluster : public testing::Test {
 protected:
  explicit HostedCluster(Durability durability = Durability::everysec) : durability_(durability) {
    for (HostedNode* node : {&n1, &n2, &n3}) {
      node->open({.durability = durability});
      map.nodes.push_back({.id = node->self, .incarnation = node->process});
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
      entry.primary_incarnation = appointment.in_sync.front()->process;
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
    newest = std::make_shared<const ring::ClusterMap>(map);
    ASSERT_TRUE(ring::validate(*newest)) << ring::validate(*newest).error().to_string();
    for (HostedNode* node : running()) {
      if (node != cut_off) node->host->on_map(newest);
    }
  }
  // A process has joined.
  void admit(const HostedNode& node) {
    for (ring::NodeInfo& info : map.nodes) {
      if (info.id == node.self) info.incarnation = node.process;
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
    if (coordinator_down) return;
    bool changed = false;
    for (HostedNode* node : running()) {
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

  // --- Processes ---

  std::vector<HostedNode*> running() {
    std::vector<HostedNode*> running;
    for (HostedNode* node : {&n1, &n2, &n3}) {
      if (node->host) running.push_back(node);
    }
    return running;
  }
  void kill(HostedNode& node) {
    node.host.reset();
    node.environment.jobs.clear();
    node.environment.sent.clear();
  }
  // The next process, over what is left of the last one's storage.
  void start(HostedNode& node, bool loses_nothing = true) {
    node.host.reset();
    node.open({.incarnation = node.process.next(),
               .loses_nothing = loses_nothing,
               .started = node.environment.now().steady,
               .durability = durability_});
  }
  // Connections to it are refused.
  void refuse_for_the_dead(HostedNode& by) {
    for (HostedNode* node : {&n1, &n2, &n3}) {
      if (node->host || !ports_tell) continue;
      by.host->on_peer_refused(node->self, node->process, by.environment.now().steady);
    }
  }

  // --- The world ---

  void settle() {
    bool moved = true;
    for (int round = 0; moved && round < 1000; ++round) {
      moved = false;
      for (HostedNode* node : running()) {
        node->settle();
        for (auto& [to, message] : std::exchange(node->environment.sent, {})) moved |= deliver(*node, to, message);
      }
    }
    ASSERT_FALSE(moved) << "the nodes never stop talking";
  }
  bool deliver(HostedNode& from, const NodeId& to, messages::Message& message) {
    for (HostedNode* node : running()) {
      if (node->self != to || node == cut_off || &from == cut_off) continue;
      node->host->on_message({.cluster = {}, .node = from.self, .incarnation = from.process}, std::move(message));
      return true;
    }
    return false;
  }
  void pass(Duration time) {
    for (Duration passed{0}; passed < time; passed += kTick) {
      for (HostedNode* node : {&n1, &n2, &n3}) node->environment.advance(kTick);
      for (HostedNode* node : running()) {
        refuse_for_the_dead(*node);
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
  bool coordinator_down = false;
  bool ports_tell = false;  // that a process is dead
  ring::ClusterMap map;
  ring::ClusterMapPtr newest;  // as published

 private:
  const Durability durability_;
};

}  // namespace gyre::runtime
