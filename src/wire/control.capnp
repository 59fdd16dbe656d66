# One-way messages between nodes and the coordinator. Any of them may be lost, doubled, late or out of order; whoever
# needs an effect repeats them until the map shows it.
#
# Lists of partitions: at most 16384. Partitions: 0 to 16383.

@0xa465009e4868b788;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("gyre::wire::schema");

using Map = import "map.capnp";
using Peer = import "peer.capnp";

# --- Coordinator to node ---

# Have you heard the primary of these terms lately? Promises nothing.
struct Poll {
  suspect @0 :Text;  # node id
  partitions @1 :List(Peer.PartitionTerm);
}

# To a primary: what the coordinator wants done while it serves.
struct Order {
  kind @0 :Kind;
  partition @1 :UInt16;
  term @2 :UInt64;
  node @3 :Text;
  incarnation @4 :UInt64;  # release: of the process that leaves

  enum Kind {
    handOver @0;  # let `node` be primary
    release @1;   # ask to remove `node` from the in-sync set, once the others have reached it
  }
}

# --- Node to coordinator ---

struct PollAnswerItem {
  partition @0 :UInt16;
  alive @1 :Bool;  # heard, within the detection time, to hold its right to serve, and not refused since
  term @2 :UInt64;
}

struct SealAnswer {
  generation @0 :UInt64;  # of the node's data
  items @1 :List(Item);   # at most 16384

  struct Item {
    partition @0 :UInt16;
    whole @1 :Bool;         # false: must not be chosen
    leaseLeftMs @2 :UInt32;  # of the last lease it gave, rounded up
    promised @3 :UInt64;    # term; durable; at least what was asked
    term @4 :UInt64;        # its position: final unless a primary of `promised` or later changes it
    sequence @5 :UInt64;
  }
}

# A primary asks for the in-sync set that is best now. Refused, by silence, where term or version have moved.
struct SetInSync {
  partition @0 :UInt16;
  release @1 :Bool;  # members leave because they were asked to, not because they lag or are silent
  term @2 :UInt64;
  version @3 :UInt64;  # of the entry that this was made for
  inSync @4 :List(Member);  # the whole set, with the primary; at most 14

  struct Member {
    node @0 :Text;
    generation @1 :UInt64;
  }
}

# A primary serves no more in `term`.
struct HandedOver {
  partition @0 :UInt16;
  term @1 :UInt64;
  successor @2 :Text;  # node id; has all its writes. Empty: elect one
}

# A peer seems gone.
struct PeerDown {
  peer @0 :Text;  # node id
  incarnation @1 :UInt64;
  refused @2 :Bool;  # its port refuses connections
}

# How busy a node is, about once a second.
struct LoadReport {
  items @0 :List(LoadItem);      # of partitions it has a copy of, by partition; at most 16384
  transfers @1 :List(Transfer);  # copies that it sends, as primary; at most 16384
  p99Us @2 :UInt32;      # of requests, over the last seconds; 0: there were none
  restP99Us @3 :UInt32;  # while it sent no copies; 0: not known
  faults @4 :UInt32;     # rules of injected network faults that are on

  struct Transfer {
    partition @0 :UInt16;
    to @1 :Text;  # node id
    bytesSent @2 :UInt64;
    bytesTotal @3 :UInt64;  # about
  }
}

# How busy one member of a partition is: what it answered itself.
struct LoadItem {
  partition @0 :UInt16;
  readsPerSecond @1 :UInt32;
  writesPerSecond @2 :UInt32;  # as primary
  bytes @3 :UInt64;            # of its copy, about
}

# For the cluster's event log.
struct NodeEvent {
  kind @0 :Kind;
  partition @1 :UInt16;
  term @2 :UInt64;
  count @3 :UInt64;
  detail @4 :Text;

  enum Kind {
    serving @0;     # a primary took office
    stopped @1;     # a primary serves no more
    rewound @2;     # a divergent tail was saved and given up
    lostWrites @3;  # `count` writes went to the ledger
    snapshot @4;    # a member received a snapshot
    caughtUp @5;    # a member was away and follows again
    storageFailed @6;
    retired @7;  # a copy that is no member's any more was deleted
  }
}
