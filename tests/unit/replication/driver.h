// One member alone, whose commits the test makes itself.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/replication/cluster.h"

namespace gyre::replication::test {

inline const NodeId kSelf("n1");
inline const Error kBusy{ErrorCode::busy, Outcome::not_applied, "stalled", {}};
inline const Error kDiskGone{ErrorCode::storage_failed, Outcome::unknown, "disk gone", {}};

// One machine whose commits the test makes itself.
class Driver {
 public:
  explicit Driver(messages::PartitionState remembered = {}, BrokenRule broken = BrokenRule::none)
      : cluster({"n1", "n2"}) {
    cluster.broken = broken;
    member().disk.state = std::move(remembered);
    cluster.start("n1");
    cluster.kill("n2");
  }

  void appoint(std::uint64_t term, const NodeId& primary = kSelf, std::uint64_t incarnation = 1) {
    ring::PartitionEntry& entry = cluster.entry();
    entry.term = Term(term);
    entry.primary = primary;
    entry.primary_incarnation = Incarnation(incarnation);
    entry.in_sync = {{primary, Generation(1)}};
    entry.learners = {primary == kSelf ? NodeId("n2") : kSelf};
    ++entry.version;
    cluster.publish();
  }
  void serve(std::uint64_t term = 1) {
    appoint(term);
    commit();
    cluster.advance(std::chrono::seconds(3));
  }

  std::uint64_t write(std::vector<WriteOperation> operations) {
    return cluster.write("n1", request(std::move(operations)));
  }
  Result<Partition::ReadPlan> read(std::string_view key) {
    auto plan =
        member()->on_read(cluster.now, Ticket(++cluster.last_ticket), reading(key, messages::ReadLevel::primary));
    cluster.collect("n1");
    return plan;
  }
  void commit() {
    while (member().commit(cluster.now)) cluster.collect("n1");
  }
  void refuse() {
    ASSERT_TRUE(member()->take_persist());
    member()->on_refused(cluster.now, kBusy);
    cluster.collect("n1");
  }
  void answer_reads() { cluster.answer_current("n1"); }
  bool serving() { return member()->serving(cluster.now); }
  Member& member() { return cluster.at("n1"); }
  auto& writes() { return member().writes; }
  ErrorCode error_of(std::uint64_t ticket) { return writes().at(ticket).error().code; }

  Cluster cluster;
};

// A write of a client that may send it again.
inline messages::WriteRequest numbered(std::uint64_t number, WriteOperation operation) {
  auto write = request({std::move(operation)});
  write.id = {ClientId(7), WriteNumber(number)};
  return write;
}

}  // namespace gyre::replication::test
