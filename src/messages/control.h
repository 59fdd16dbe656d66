// One-way messages between nodes and the coordinator. Any of them may be lost, doubled, late or out of order; whoever
// needs an effect repeats them until the map shows it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "messages/operation.h"
#include "ring/cluster_map.h"
#include "ring/map_delta.h"

namespace gyre::messages {

struct PartitionTerm {
  PartitionId partition;
  Term term;

  auto operator<=>(const PartitionTerm&) const = default;
};

// --- Coordinator to node ---

// Have you heard the primary of these terms lately? Promises nothing.
struct Poll {
  NodeId suspect;
  std::vector<PartitionTerm> partitions;
};

// Promise to accept nothing older than these terms.
struct Seal {
  std::vector<PartitionTerm> partitions;
};

// To a primary: what the coordinator wants done while it serves.
struct Order {
  enum class Kind : std::uint8_t {
    hand_over = 0,  // let `node` be primary
    release = 1,    // ask to remove `node` from the in-sync set, once the others have reached it
  };
  Kind kind = Kind::hand_over;
  PartitionId partition;
  Term term;
  NodeId node;
  Incarnation incarnation{};  // release: the process that leaves; a later one stays
};

// A map newer than the node was known to have.
struct MapPush {
  ring::MapUpdate update;
};

// --- Node to coordinator ---

struct PollAnswer {
  struct Item {
    PartitionId partition;
    Term term;
    bool alive = false;  // heard, within D, to hold its right to serve, and not refused since

    bool operator==(const Item&) const = default;
  };
  std::vector<Item> items;
};

struct SealAnswer {
  struct Item {
    PartitionId partition;
    Term promised;      // durable; at least what was asked
    Position position;  // final unless a primary of `promised` or later changes it
    bool whole = true;  // false: must not be chosen
    Duration lease_left{0};  // of the last lease it gave, whole ms

    bool operator==(const Item&) const = default;
  };
  Generation generation;
  std::vector<Item> items;
};

// A primary asks for the in-sync set that is best now. Refused, by silence, where term or version have moved.
struct SetInSync {
  PartitionId partition;
  Term term;
  std::uint64_t version = 0;  // of the entry that this was made for
  std::vector<ring::InSyncMember> in_sync;  // the whole set, with the primary
  bool release = false;  // members leave because they were asked to, not because they lag or are silent
};

// A primary serves no more in `term`.
struct HandedOver {
  PartitionId partition;
  Term term;
  NodeId successor;  // has all its writes; empty: elect one (the primary cannot go on)
};

// A peer seems gone.
struct PeerDown {
  NodeId peer;
  Incarnation incarnation;
  bool refused = false;  // its port refuses connections
};

// Promises above the map's terms: somebody must finish them.
struct Promises {
  std::vector<PartitionTerm> partitions;
};

// The node stops soon: it wants to hand over and to leave all in-sync sets. Repeated until it is so.
struct Leaving {};

// `node`, deposed in `term`, has exported what only it had, or had nothing. Sent by that node.
struct Accounted {
  PartitionId partition;
  Term term;
};

// How busy a node is, about once a second. Of partitions it is a member of: what it answered itself.
struct LoadReport {
  struct Item {
    PartitionId partition;
    std::uint32_t reads_per_second = 0;
    std::uint32_t writes_per_second = 0;  // as primary
    std::uint64_t bytes = 0;              // of its copy, about

    bool operator==(const Item&) const = default;
  };
  // A copy that it sends, as primary.
  struct Transfer {
    PartitionId partition;
    NodeId to;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_total = 0;  // about

    bool operator==(const Transfer&) const = default;
  };
  std::vector<Item> items;
  std::vector<Transfer> transfers;
  std::uint32_t p99_us = 0;       // of requests, over the last seconds; 0: there were none
  std::uint32_t rest_p99_us = 0;  // while it sent no copies; 0: not known
  std::uint32_t faults = 0;       // rules of injected network faults that are on
};

// The node holds nothing any more of a partition that it is no member of.
struct Retired {
  PartitionId partition;
};

// For the cluster's event log.
struct NodeEvent {
  enum class Kind : std::uint8_t {
    serving = 0,      // a primary took office
    stopped = 1,      // a primary serves no more
    rewound = 2,      // a divergent tail was saved and given up
    lost_writes = 3,  // `count` writes went to the ledger
    snapshot = 4,     // a member received a snapshot
    caught_up = 5,    // a member was away and follows again
    storage_failed = 6,  // where its primary says so, another member takes over if one can
    retired = 7,         // a copy that is no member's any more was deleted
  };
  Kind kind = Kind::serving;
  PartitionId partition;
  Term term;
  std::uint64_t count = 0;
  std::string detail;
};

}  // namespace gyre::messages
