# Gyre's native protocol, version 3. (Version 1 had no replication, version 2 sent whole maps only and moved nothing;
# no two of them understand each other.)
#
# Transport. A connection is a TCP stream of frames, each one Cap'n Proto message in the standard stream framing, not
# packed. Both sides send frames at any time. A frame carries any number of requests, responses and one-way messages,
# so that one system call serves many. Requests are pipelined; their answers come in any order and carry the id of their
# request. One-way messages have no answer: whoever needs their effect repeats them until it shows.
#
# Trust. A receiver checks every limit named here before it takes memory. A frame that breaks one, or that carries a
# tag or number the receiver does not know where none is allowed, is malformed: the receiver answers with one
# `failure` for request id 0 where it still can, and closes the connection.
#
# Evolution. Within a version fields and union members are only ever added, never renumbered or reused; the numbers of
# enumerants are stable. An added field's default must mean what its absence meant before. A change that an older
# receiver would misunderstand raises `protocolVersion`.
#
# Units. `...Ms` is milliseconds; wall and partition times count from 1970-01-01 UTC, 0 to 2^53. Keys, values and
# prefixes are arbitrary bytes; texts are UTF-8 of at most 1024 bytes unless told otherwise. Keys: at most 16 KiB.
# Values: at most 16 MiB unless the server was told otherwise. Partitions: 0 to 16383.
#
# The other files: writes.capnp (writes and records), map.capnp (the cluster map), peer.capnp and control.capnp (one-way
# messages), admin.capnp (what operators ask for and set).

@0xe97fb8d50c044a70;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("gyre::wire::schema");

using Writes = import "writes.capnp";
using Map = import "map.capnp";
using Peer = import "peer.capnp";
using Control = import "control.capnp";
using Admin = import "admin.capnp";

const protocolVersion :UInt16 = 3;

# The root of every message on a connection.
struct Frame {
  protocol @0 :UInt16;
  # What the sender speaks. Another than the receiver knows is refused with `unsupported`.

  requests @1 :List(Request);    # at most 4096
  responses @2 :List(Response);  # at most 4096
  sender @3 :Sender;             # of `messages`
  messages @4 :List(Message);    # at most 4096
}

# The process that one-way messages come from. What comes from another cluster is dropped.
struct Sender {
  cluster @0 :Text;  # 32 hex digits
  node @1 :Text;     # node id; empty: the coordinator
  incarnation @2 :UInt64;
}

struct Message {
  union {
    append @0 :Peer.Append;
    appendAck @1 :Peer.AppendAck;
    givenUp @2 :Peer.PartitionTerm;
    # A primary to members and successor, until a newer entry is there: it serves no more in this term.

    fetchKeys @3 :Peer.FetchKeys;
    fetchedKeys @4 :Peer.FetchedKeys;
    snapshotAsk @5 :Peer.SnapshotAsk;
    snapshotChunk @6 :Peer.SnapshotChunk;
    poll @7 :Control.Poll;
    seal @8 :List(Peer.PartitionTerm);
    # Coordinator to node: promise to accept nothing older than these terms.

    order @9 :Control.Order;
    mapPush @10 :Map.MapUpdate;
    # Coordinator to node: a map newer than the node was known to have.

    pollAnswer @11 :List(Control.PollAnswerItem);
    sealAnswer @12 :Control.SealAnswer;
    setInSync @13 :Control.SetInSync;
    handedOver @14 :Control.HandedOver;
    peerDown @15 :Control.PeerDown;
    promises @16 :List(Peer.PartitionTerm);
    # Node to coordinator: promises above the map's terms; somebody must finish them.

    leaving @17 :Void;
    # Node to coordinator: it stops soon, and wants to hand over and to leave all in-sync sets.

    accounted @18 :Peer.PartitionTerm;
    # Node to coordinator: deposed in `term`, it has exported what only it had, or had nothing.

    nodeEvent @19 :Control.NodeEvent;
    loadReport @20 :Control.LoadReport;
    retired @21 :UInt16;
    # Node to coordinator: it holds nothing any more of this partition, which it is no member of.

    retireAsk @22 :Peer.PartitionTerm;
    # To the primary, from a node that is no member any more and still has a copy: may it be deleted? The term is that
    # of the entry known.

    retireAnswer @23 :Peer.RetireAnswer;
  }
}

struct Request {
  id @0 :UInt64;
  # Chosen by the sender; unique among its open requests on this connection. Not 0.

  epoch @1 :UInt64;
  # Of the cluster map by which the sender chose this receiver. 0: it has none.

  budgetMs @2 :UInt32;
  # Time left until the caller's deadline, counted from receiving; 0: no deadline was given. A deadline that
  # is less than a millisecond away travels as 1. Clocks are never compared.

  union {
    get @3 :GetRequest;
    write @4 :WriteRequest;
    scan @5 :ScanRequest;
    map @6 :UInt64;
    # Asks for the cluster map if it is newer than this epoch; 0: the asker has none.

    join @7 :JoinRequest;
    heartbeat @8 :HeartbeatRequest;
    status @9 :Void;
    # To a coordinator: how it sees the nodes.

    partitions @10 :Void;
    # To a node: how its partitions are.

    digest @11 :DigestRequest;
    lost @12 :UInt64;
    # To a node: a page of its loss ledger behind this id, in the order written.

    events @13 :UInt64;
    # To a coordinator: a page of what happened behind this id, oldest first.

    promote @14 :PromoteRequest;
    plan @15 :Void;
    # To a coordinator: what would a rebalance do now?

    apply @16 :UInt64;
    # To a coordinator: makes the target placement of the plan of this id the cluster's; refused if the plan would be
    # another one by now.

    moves @17 :Void;
    # To a coordinator: how far are the moves?

    clusterSet @18 :Admin.ClusterSetRequest;
    nodeSet @19 :Admin.NodeSetRequest;
    hot @20 :UInt32;
    # To a node: its busiest partitions and at most so many keys; 1000 if it is more.

    faults @21 :Admin.FaultsRequest;
  }
}

enum ReadLevel {
  primary @0;       # the newest applied value
  linearizable @1;  # together with `all` writes
  session @2;       # contains `seen`
  bounded @3;       # no staler than `boundMs`
  any @4;           # eventual
}

struct GetRequest {
  key @0 :Data;
  valueWanted @1 :Bool = true;  # false: answer with version and expiry only
  level @2 :ReadLevel;
  boundMs @3 :UInt32;
  seen :group {  # what the session has seen of this partition; 0, 0: nothing
    term @4 :UInt64;
    sequence @5 :UInt64;
  }
}

# Applied all or none, in order.
struct WriteRequest {
  operations @0 :List(Writes.WriteOperation);  # 1 to 10,000, on keys of one partition
  ack @1 :UInt8 = 1;
  # In-sync members, the primary included, that must have applied it before it is acknowledged: 1 to 7; 255: all.

  ageMs @2 :UInt32;    # since it was first sent, by the client's clock, rounded up
  client @3 :UInt64;   # with `number` names the write, so that a retry is recognised; 0: it has no name
  number @4 :UInt64;
  lowestOpen @5 :UInt64;  # of the client's numbers: what is below is never asked for again
  seen :group {  # as in GetRequest
    term @6 :UInt64;
    sequence @7 :UInt64;
  }
}

# One page of a partition, in key order.
struct ScanRequest {
  partition @0 :UInt16;
  prefix @1 :Data;
  after @2 :Data;
  # The page begins behind this key; empty: at the first.

  itemsMax @3 :UInt32 = 1000;  # 1 to 10,000; what lies outside is taken as the nearer end
  valuesWanted @4 :Bool = true;
  level @5 :ReadLevel;
  boundMs @6 :UInt32;
  seen :group {  # as in GetRequest
    term @7 :UInt64;
    sequence @8 :UInt64;
  }
}

# Node to coordinator: asks to be admitted.
struct JoinRequest {
  cluster @0 :Text;  # 32 hex digits; empty: this data directory has never joined one
  node @1 :Map.Node;
  known @2 :UInt64;  # epoch; 0: none
}

# Node to coordinator, at every heartbeat interval.
struct HeartbeatRequest {
  cluster @0 :Text;
  node @1 :Text;
  incarnation @2 :UInt64;
  known @3 :UInt64;  # epoch; 0: none
}

# To a node: a digest of what it holds of a partition, records expired at `timeMs` left out.
struct DigestRequest {
  partition @0 :UInt16;
  timeMs @1 :Int64;
}

# An operator asks the coordinator to make `node` primary.
struct PromoteRequest {
  node @0 :Text;
  partitions @1 :List(UInt16);
  # Empty: all that have no primary able to serve and have `node` as a member.

  unclean @2 :Bool;  # `node` need not be in the in-sync set: acknowledged writes may be lost
  stopped @3 :List(Text);  # node ids: the operator's word that these processes are stopped for good; at most 1000
}

struct Response {
  id @0 :UInt64;  # of the request. 0: about the connection itself

  epoch @1 :UInt64;
  # Of the newest map the answering process has; above the request's: refresh. 0: it has none.

  union {
    failure @2 :Failure;
    get @3 :GetAnswer;
    write @4 :WriteAnswer;
    scan @5 :ScanPage;
    map @6 :Map.MapUpdate;
    join @7 :Map.ClusterMap;  # names the node
    heartbeat @8 :HeartbeatAnswer;
    status @9 :ClusterStatus;
    partitions @10 :List(PartitionStatus);  # those the node is a member of
    digest @11 :Digest;
    lost @12 :LostPage;
    events @13 :EventsPage;
    promote @14 :List(UInt16);  # partitions that were promoted
    plan @15 :Admin.Plan;
    apply @16 :UInt64;  # epoch from which on the plan's target is the cluster's
    moves @17 :Admin.Moves;
    set @18 :UInt64;  # epoch from which on what was asked for holds
    hot @19 :Admin.Hot;
    faults @20 :List(Admin.FaultRule);  # that are on; at most 64
  }
}

struct Failure {
  code @0 :UInt16;
  # include/gyre/error.h lists the numbers, which never change. One that the receiver does not know counts as
  # `internal`, so codes may be added.

  outcome @1 :Outcome;
  message @2 :Text;        # one sentence a person can act on; at most 4096 bytes
  retryAfterMs @3 :UInt32;  # with `busy`, or `unavailable` at the latest; 0: the caller's own backoff
}

enum Outcome {
  notApplied @0;  # surely not applied: safe to send again
  unknown @1;     # maybe applied
}

# `standing` of an answer: the position applied when the value was read, or of the write; and the terms from that of the
# request's `seen` on, without its own where nothing of it survived (empty where it is the newest, or forgotten).
struct GetAnswer {
  record @0 :Writes.Record;  # null: the key does not exist
  ttlMs @1 :Int64 = -1;    # time left by the partition's clock; -1: does not expire
  standing :group {
    term @2 :UInt64;
    sequence @3 :UInt64;
    history @4 :List(Writes.TermStart);
  }
}

struct WriteAnswer {
  outcomes @0 :List(Writes.WriteOutcome);  # one for each operation, in the same order
  standing :group {
    term @1 :UInt64;
    sequence @2 :UInt64;
    history @3 :List(Writes.TermStart);
  }
}

struct ScanPage {
  items @0 :List(ScanItem);  # at most 10,000, and about 4 MiB
  more @1 :Bool;             # there are keys behind the last one
  standing :group {
    term @2 :UInt64;
    sequence @3 :UInt64;
    history @4 :List(Writes.TermStart);
  }
}

struct ScanItem {
  key @0 :Data;
  record @1 :Writes.Record;
  ttlMs @2 :Int64 = -1;
}

struct HeartbeatAnswer {
  joinAgain @0 :Bool;     # the coordinator does not know this incarnation
  map @1 :Map.MapUpdate;
}

struct ClusterStatus {
  nodes @0 :List(NodeStatus);  # at most 1000
  map @1 :Map.ClusterMap;
}

struct NodeStatus {
  node @0 :Text;
  up @1 :Bool;
  silentMs @2 :Int64 = -1;  # since its last heartbeat; -1: none since the coordinator started
}

# One partition as one of its members sees it.
struct PartitionStatus {
  partition @0 :UInt16;
  role @1 :Role;
  serving @2 :Bool;
  whole @3 :Bool = true;
  term @4 :UInt64;  # of the entry known
  position :group {
    term @5 :UInt64;
    sequence @6 :UInt64;
  }
  promised @7 :UInt64;  # term
  why @8 :Text;  # a primary that does not serve, or a broken member: why
  members @9 :List(Member);  # of a primary: what it knows of the others; at most 14

  enum Role {
    idle @0;
    learner @1;
    replica @2;
    primary @3;
    broken @4;
  }

  struct Member {
    node @0 :Text;
    acknowledged :group {
      term @1 :UInt64;
      sequence @2 :UInt64;
    }
    behind @3 :UInt64;       # writes
    lagMs @4 :Int64 = -1;    # age of the oldest write it lacks; 0: none lacking; -1: never heard
    leaseLeftMs @5 :Int64;   # negative: run out
    counted @6 :Bool;        # for acknowledgements and leases
  }
}

struct Digest {
  position :group {
    term @0 :UInt64;
    sequence @1 :UInt64;
  }
  records @2 :UInt64;
  digest @3 :UInt64;  # of keys, values, versions and expiries, in key order
  whole @4 :Bool = true;
}

# Of a loss ledger.
struct LostPage {
  items @0 :List(Item);  # at most 1000
  more @1 :Bool;         # there are entries behind the last one

  struct Item {
    id @0 :UInt64;  # grows
    recordedMs @1 :Int64;  # wall time
    partition @2 :UInt16;
    term @3 :UInt64;  # of the lost write or writes
    union {
      write :group {
        sequence @4 :UInt64;
        timeMs @5 :Int64;  # partition time when it was decided
        client @6 :UInt64;
        number @7 :UInt64;
        reapplied @8 :Bool;  # a retry of it survived: not lost
        mutations @9 :List(Writes.Mutation);  # at most 10,000
      }
      range :group {
        # Writes whose contents are gone.
        first @10 :UInt64;  # sequence
        last @11 :UInt64;   # the last one heard of
        why @12 :Text;
      }
    }
  }
}

struct EventsPage {
  events @0 :List(Event);  # at most 1000
  more @1 :Bool;           # there are events behind the last one

  struct Event {
    id @0 :UInt64;  # grows, across restarts of the coordinator too
    timeMs @1 :Int64;  # the coordinator's wall clock
    kind @2 :Text;     # e.g. "promoted"
    node @3 :Text;     # empty where none is concerned
    detail @4 :Text;   # a sentence
  }
}
