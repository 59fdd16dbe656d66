# The cluster map, what changed of it, placements and settings: also the roots of the bytes that stores keep.

@0xc5ba2219fa6732d2;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("gyre::wire::schema");

# Nodes are listed once; entries name them by their index in that list, or, behind it, in `left`.
struct ClusterMap {
  cluster @0 :Text;  # 32 hex digits
  epoch @1 :UInt64;
  partitions @2 :UInt32;  # a power of two, 1 to 16384
  replicationFactor @3 :UInt32;  # 1 to 7
  minInSync @4 :UInt32;          # members that an `all` write needs; 1 to replicationFactor
  vnodes @5 :UInt32;             # ring points of a node of weight 1; 1 to 4096
  loadSlack @6 :Float64;         # how far above its share a node's load may go
  heartbeatMs @7 :UInt32;        # everybody shows itself this often
  detectionMs @8 :UInt32;        # silent for so long, a process is suspected
  leaseMs @9 :UInt32;            # a member's word to a primary
  nodes @10 :List(Node);         # ordered by id; at most 1000
  coordinators @11 :List(Text);  # "HOST:PORT"; at most 64
  entries @12 :List(PartitionEntry);  # by partition, one for each
  moves @13 :MoveLimits;  # null: the defaults
  left @14 :List(Text);   # ids of nodes that left the cluster and have not accounted; at most 16384
}

# How fast data moves between nodes.
struct MoveLimits {
  movesPerNode @0 :UInt32 = 4;  # that one node gives, and that it takes, at once; 1 to 256
  bytesPerSecond @1 :UInt64;    # of repairs and snapshots that one node sends; 0: as fast as it can
  p99Factor @2 :Float64 = 2;
  # A node sends slower while its requests' p99 is above so many times that at rest: at least 1; 0: never.
}

struct Node {
  id @0 :Text;      # 1 to 63 of [a-z A-Z 0-9 . _ -], beginning with a letter or digit
  dataId @1 :Text;  # 32 hex digits: of its data directory
  incarnation @2 :UInt64;  # of the process admitted last
  generation @3 :UInt64;   # of its data: goes up with every start after which acknowledged writes may be missing
  zone @4 :Text;  # empty: none
  weight @5 :Float64 = 1;  # above 0, at most 1000
  membership @6 :Membership;
  native @7 :Text;  # "HOST:PORT"; empty: none
  http @8 :Text;
  resp @9 :Text;
}

enum Membership {
  active @0;    # takes part in placement
  draining @1;  # gives away what it has, and stays
  away @2;      # silent for longer than the cluster waits: replaced, until it is heard again
  removing @3;  # gives away what it has; leaves the cluster once it has nothing
  gone @4;      # never comes back, as an operator said: replaced; leaves the cluster once it is named nowhere
}

# Node indices: at most 14 in each list of members.
struct PartitionEntry {
  term @0 :UInt64;
  version @1 :UInt64;  # of this entry; swaps are conditional on it
  primaryIncarnation @2 :UInt64;
  primary @3 :UInt16 = 0xffff;  # node index; 65535: nobody
  inSync @4 :List(UInt16);
  generations @5 :List(UInt64);  # of the data of each member of `inSync`, in its order
  learners @6 :List(UInt16);
  departed @7 :List(UInt16);       # left the in-sync set since it last had `minInSync` members
  deposed @8 :List(UInt16);        # primaries of earlier terms that have not accounted yet, oldest first; at most 16
  deposedTerms @9 :List(UInt64);   # the last that each of `deposed` served in, in its order
}

# What changed between two maps: turns any map of the same cluster with an epoch from `from` to that of `head` into the
# newer one. It takes what changed takes: `entries` name nodes by their index in `named`, which lists those alone.
struct MapDelta {
  from @0 :UInt64;        # epoch; at most that of `head`
  head @1 :ClusterMap;    # the newer map without `entries` and `left`; `nodes` are those that were added or changed
  gone @2 :List(Text);    # ids of nodes that it has no more, in order; at most 16384
  named @3 :List(Text);   # node ids, once each; at most 17384
  partitions @4 :List(UInt16);  # those whose entries changed, in order
  entries @5 :List(PartitionEntry);  # of `partitions`, in its order
}

# A newer map for somebody who has one, or has none.
struct MapUpdate {
  union {
    none @0 :Void;  # the asker's is as new
    whole @1 :ClusterMap;
    delta @2 :MapDelta;
  }
}

# What an operator has set of how data moves.
struct MovePolicy {
  automatic @0 :Bool = true;  # joins, leaves and deaths are acted upon without being told to
  paused @1 :Bool;            # no move begins
  spreadHot @2 :Bool;         # plans may move primaries for load
  replaceAfterMs @3 :UInt64 = 300000;  # at most 2^42; 0: never
}

# What operators have set: the root of bytes that stores keep beside the map.
struct Settings {
  policy @0 :MovePolicy;
  nodes @1 :List(Node);  # by id; at most 2000

  struct Node {
    node @0 :Text;
    weight :union {
      keep @1 :Void;
      to @2 :Float64;  # above 0, at most 1000
    }
    zone :union {
      keep @3 :Void;
      to @4 :Text;  # empty: none
    }
  }
}

# A placement: the root of bytes that stores keep beside the map.
struct Placement {
  nodes @0 :List(Text);  # every node that is named, once; at most 2000, because nodes that left may still be named
  partitions @1 :List(List(UInt16));  # for each partition its nodes in order, by index; at most 14
}
