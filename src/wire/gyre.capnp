# Gyre's native protocol, version 1.
#
# Transport. A connection is a TCP stream of frames, each one Cap'n Proto message in the standard stream framing, not
# packed. Both sides send frames at any time. A frame carries any number of requests and responses, so that one system
# call serves many. Requests are pipelined; their answers come in any order and carry the id of their request.
#
# Trust. A receiver checks every limit named here before it takes memory. A frame that breaks one, or that carries a
# tag or number the receiver does not know where none is allowed, is malformed: the receiver answers with one
# `failure` for request id 0 where it still can, and closes the connection.
#
# Evolution. Fields and union members are only ever added, never renumbered or reused; the numbers of enumerants are
# stable. An added field's default must mean what its absence meant before. A change that an older receiver would
# misunderstand raises `protocolVersion`.
#
# Units. `...Ms` is milliseconds. Keys, values and prefixes are arbitrary bytes; texts are UTF-8 of at most 1024 bytes
# unless told otherwise. Keys: at most 16 KiB. Values: at most 16 MiB unless the server was told otherwise.

@0xe97fb8d50c044a70;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("gyre::wire::schema");

const protocolVersion :UInt16 = 1;

# The root of every message on a connection.
struct Frame {
  protocol @0 :UInt16;
  # What the sender speaks. Another than the receiver knows is refused with `unsupported`.

  requests @1 :List(Request);   # at most 4096
  responses @2 :List(Response);  # at most 4096
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
    get :group {
      key @3 :Data;
      valueWanted @4 :Bool = true;  # false: answer with version and expiry only
    }
    write @5 :List(WriteOperation);
    # Applied all or none, in order. 1 to 10,000 operations on keys of one partition.

    scan @6 :ScanRequest;
    map @7 :MapRequest;
    join @8 :JoinRequest;
    heartbeat @9 :HeartbeatRequest;
    status @10 :Void;
    # To a coordinator: how it sees the nodes.
  }
}

# One write.
struct WriteOperation {
  key @0 :Data;

  union {
    put @1 :Data;      # stores this value
    del @2 :Void;      # removes the key
    incr @3 :Int64;    # adds to the decimal number stored (absent: 0); keeps the expiry
    expire @4 :Void;   # sets `expiry` of a key that exists
    persist @5 :Void;  # removes the expiry of a key that exists
  }

  expiry :union {
    # Of put and expire; without meaning for the others.
    clear @6 :Void;     # lives until deleted
    keep @7 :Void;      # stays as it is
    afterMs @8 :Int64;  # counted from when the primary decides; 0 to a hundred years
    atMs @9 :Int64;     # since 1970-01-01 UTC; 0 to two hundred years
  }

  condition :union {
    # Where it does not hold, nothing of the whole request is applied: `condition_failed`.
    none @10 :Void;
    absent @11 :Void;
    present @12 :Void;
    version :group {
      # The key's value is still the one that this write made.
      term @13 :UInt64;
      sequence @14 :UInt64;
    }
  }
}

# One page of a partition, in key order.
struct ScanRequest {
  partition @0 :UInt16;  # 0 to 16383
  prefix @1 :Data;
  after @2 :Data;
  # The page begins behind this key; empty: at the first.

  itemsMax @3 :UInt32 = 1000;  # 1 to 10,000; what lies outside is taken as the nearer end
  valuesWanted @4 :Bool = true;
}

# Asks for the cluster map if it is newer than `known`.
struct MapRequest {
  known @0 :UInt64;  # epoch; 0: none
}

# Node to coordinator: asks to be admitted.
struct JoinRequest {
  cluster @0 :Text;  # 32 hex digits; empty: this data directory has never joined one
  node @1 :Node;
  known @2 :UInt64;  # epoch; 0: none
}

# Node to coordinator, at every heartbeat interval.
struct HeartbeatRequest {
  node @0 :Text;
  incarnation @1 :UInt64;
  known @2 :UInt64;  # epoch; 0: none
}

struct Response {
  id @0 :UInt64;  # of the request. 0: about the connection itself

  epoch @1 :UInt64;
  # Of the newest map the answering process has; above the request's: refresh. 0: it has none.

  union {
    failure @2 :Failure;
    get @3 :Record;
    write @4 :List(WriteOutcome);  # one for each operation, in the same order
    scan @5 :ScanPage;
    map @6 :ClusterMap;   # null: the asker's is as new
    join @7 :ClusterMap;  # names the node
    heartbeat @8 :HeartbeatAnswer;
    status @9 :ClusterStatus;
  }
}

struct Failure {
  code @0 :UInt16;
  # include/gyre/error.h lists the numbers, which never change. One that the receiver does not know counts as
  # `internal`, so codes may be added.

  outcome @1 :Outcome;
  message @2 :Text;        # one sentence a person can act on; at most 4096 bytes
  retryAfterMs @3 :UInt32;  # with `busy`; 0: the caller's own backoff
}

enum Outcome {
  notApplied @0;  # surely not applied: safe to send again
  unknown @1;     # maybe applied
}

# A stored value.
struct Record {
  value @0 :Data;  # empty where it was not wanted
  term @1 :UInt64;      # version: the position of the write that made it
  sequence @2 :UInt64;
  expiresAtMs @3 :Int64;  # since 1970-01-01 UTC; 0: never
  ttlMs @4 :Int64 = -1;   # time left by the partition's clock; -1: does not expire
}

struct WriteOutcome {
  term @0 :UInt64;  # version of the key now; of the deletion for del
  sequence @1 :UInt64;
  number @2 :Int64;  # incr: the value after
  existed @3 :Bool;  # the key was there before
  changed @4 :Bool;  # something was written
}

struct ScanPage {
  items @0 :List(ScanItem);  # at most 10,000, and about 4 MiB
  more @1 :Bool;             # there are keys behind the last one
}

struct ScanItem {
  key @0 :Data;
  record @1 :Record;
}

struct HeartbeatAnswer {
  joinAgain @0 :Bool;  # the coordinator does not know this incarnation
  map @1 :ClusterMap;  # newer than the node's, or null
}

struct ClusterStatus {
  nodes @0 :List(NodeStatus);  # at most 1000
  map @1 :ClusterMap;
}

struct NodeStatus {
  node @0 :Text;
  up @1 :Bool;
  silentMs @2 :Int64 = -1;  # since its last heartbeat; -1: none since the coordinator started
}

# The cluster map: also the root of the bytes that stores keep. Nodes are listed once; entries name them by their
# index in that list.
struct ClusterMap {
  cluster @0 :Text;  # 32 hex digits
  epoch @1 :UInt64;
  partitions @2 :UInt32;  # a power of two, 1 to 16384
  replicationFactor @3 :UInt32;  # 1 to 7
  vnodes @4 :UInt32;             # ring points of a node of weight 1; 1 to 4096
  loadSlack @5 :Float64;         # how far above its share a node's load may go
  nodes @6 :List(Node);          # ordered by id; at most 1000
  coordinators @7 :List(Text);   # "HOST:PORT"; at most 64
  entries @8 :List(PartitionEntry);  # by partition, one for each
}

struct Node {
  id @0 :Text;      # 1 to 63 of [a-z A-Z 0-9 . _ -], beginning with a letter or digit
  dataId @1 :Text;  # 32 hex digits: of its data directory
  incarnation @2 :UInt64;
  zone @3 :Text;  # empty: none
  weight @4 :Float64 = 1;  # above 0, at most 1000
  membership @5 :Membership;
  native @6 :Text;  # "HOST:PORT"; empty: none
  http @7 :Text;
  resp @8 :Text;
}

enum Membership {
  active @0;    # takes part in placement
  draining @1;  # gives away what it has
}

struct PartitionEntry {
  term @0 :UInt64;
  version @1 :UInt64;
  primaryIncarnation @2 :UInt64;
  primary @3 :UInt16 = 0xffff;  # node index; 65535: nobody
  inSync @4 :List(UInt16);      # node indices; at most 14
  generations @5 :List(UInt64);  # of the data of each member of `inSync`, in its order
  learners @6 :List(UInt16);    # node indices; at most 14
}

# A placement: the root of bytes that stores keep beside the map.
struct Placement {
  nodes @0 :List(Text);  # every node that is named, once; at most 2000, because nodes that left may still be named
  partitions @1 :List(List(UInt16));  # for each partition its nodes in order, by index; at most 14
}
