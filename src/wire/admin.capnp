# What operators ask for and set: plans and their moves, settings, load, injected faults of the network.
#
# Reals are finite and not negative. Settings outside the bounds named here are malformed.

@0xf34ee47d56d09194;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("gyre::wire::schema");

using Map = import "map.capnp";
using Control = import "control.capnp";

# --- Requests ---

# To a coordinator: changes what is given.
struct ClusterSetRequest {
  automatic :union {
    # Joins, leaves and deaths are acted upon without being told to.
    keep @0 :Void;
    to @1 :Bool;
  }
  paused :union {
    # No move begins.
    keep @2 :Void;
    to @3 :Bool;
  }
  spreadHot :union {
    # Plans may move primaries for load.
    keep @4 :Void;
    to @5 :Bool;
  }
  movesPerNode :union {
    keep @6 :Void;
    to @7 :UInt32;  # 1 to 256
  }
  bytesPerSecond :union {
    keep @8 :Void;
    to @9 :UInt64;  # 0: as fast as it can
  }
  p99Factor :union {
    keep @10 :Void;
    to @11 :Float64;  # at least 1; 0: never slower for the sake of requests
  }
  replaceAfterMs :union {
    keep @12 :Void;
    to @13 :UInt64;  # at most 2^42; 0: never
  }
  replicationFactor :union {
    keep @14 :Void;
    to @15 :UInt32;  # 1 to 7
  }
  minInSync :union {
    keep @16 :Void;
    to @17 :UInt32;  # 1 to 7
  }
}

# To a coordinator: changes what is given of one node.
struct NodeSetRequest {
  node @0 :Text;
  weight :union {
    keep @1 :Void;
    to @2 :Float64;  # above 0, at most 1000
  }
  zone :union {
    keep @3 :Void;
    to @4 :Text;  # empty: none
  }
  action @5 :Action;

  enum Action {
    none @0;
    drain @1;   # give away all it has
    resume @2;  # take part again
    remove @3;  # drain, then forget it
    forget @4;  # it is gone for good, and its copies with it
  }
}

# To any server that was started with --allow-fault-injection.
struct FaultsRequest {
  show @0 :Bool = true;         # nothing is changed
  rules @1 :List(FaultRule);    # take the place of all that are on; at most 64
}

# A fault of the network that a process makes of its own will, for tests, on what it exchanges with others.
struct FaultRule {
  peer @0 :Text;  # a node id; "coordinator"; "*": every node and the coordinator; "clients": who is neither
  direction @1 :Direction;
  drop @2 :Float64;    # the part of all frames that vanishes, 0 to 1
  delayMs @3 :UInt32;  # of each frame
  jitterMs @4 :UInt32;  # up to so much more; frames stay in order

  enum Direction {
    both @0;
    in @1;   # towards the process
    out @2;  # from it
  }
}

# --- Answers ---

struct Plan {
  id @0 :UInt64;  # names this very plan. 0: nothing is to be done
  estimateMs @1 :UInt64;  # that it takes; at most 2^42
  target @2 :Map.Placement;
  named @3 :List(Text);  # node ids, once each; at most 2000. `moves` name them by their index here
  moves @4 :List(Move);  # by partition; at most 14 for each of 16384 partitions
  bytes @5 :UInt64;      # that are copied
  primariesMoved @6 :UInt32;  # hand-overs that go with no copy
  movesMinimum @7 :UInt32;    # copies that any placement within the bounds would have to move
  nodes @8 :List(Balance);    # by node; at most 2000
  before @9 :Spread;
  after @10 :Spread;
  spreadsHotPrimaries @11 :Bool;

  # A copy that comes to be, that goes, or both.
  struct Move {
    partition @0 :UInt16;
    from @1 :UInt16 = 0xffff;  # node index; gives up its copy. 65535: a copy more
    to @2 :UInt16 = 0xffff;    # node index; gets a copy. 65535: a copy less
    bytes @3 :UInt64;          # that are copied
  }

  struct Balance {
    node @0 :Text;
    share @1 :Float64;  # of replicas, by weight and zone
    before @2 :Load;
    after @3 :Load;
  }

  struct Load {
    primaries @0 :UInt32;
    replicas @1 :UInt32;  # primaries included
    bytes @2 :UInt64;
    operationsPerSecond @3 :Float64;
  }

  # How well copies are spread.
  struct Spread {
    distinctSets @0 :UInt32;   # different replica sets
    lostWithNode @1 :UInt32;   # partitions without a copy if the worst single node were lost
    lostWithZone @2 :UInt32;   # and the worst zone; 0 where nodes name no zones
  }
}

# How far the moves are.
struct Moves {
  policy @0 :Map.MovePolicy;
  limits @1 :Map.MoveLimits;
  named @2 :List(Text);  # as in Plan
  moves @3 :List(Move);  # open ones, by partition; at most 14 for each of 16384 partitions
  bytesDone @4 :UInt64;  # of this rebalance, finished moves included
  bytesTotal @5 :UInt64;
  movesDone @6 :UInt32;
  movesTotal @7 :UInt32;
  bytesPerSecond @8 :Float64;  # lately
  nodes @9 :List(NodeLoad);    # at most 1000

  struct Move {
    partition @0 :UInt16;
    from @1 :UInt16 = 0xffff;  # as in Plan.Move
    to @2 :UInt16 = 0xffff;
    stage @3 :Stage;
    bytesDone @4 :UInt64;
    bytesTotal @5 :UInt64;
    nodeDown @6 :Bool;  # the one that gets the copy (waiting, copying), or gives it up
  }

  enum Stage {
    waiting @0;      # for its turn
    copying @1;      # `to` is a learner
    handingOver @2;  # the primary moves
    leaving @3;      # `from` gives up its place
    deleting @4;     # and its data
  }

  struct NodeLoad {
    node @0 :Text;
    bytes @1 :UInt64;
    readsPerSecond @2 :Float64;
    writesPerSecond @3 :Float64;
    p99Us @4 :UInt32;
    restP99Us @5 :UInt32;
    faults @6 :UInt32;  # rules of injected faults that are on
  }
}

# The busiest keys and partitions of a node, hottest first.
struct Hot {
  keys @0 :List(Key);  # at most 1000
  partitions @1 :List(Control.LoadItem);  # at most 16384

  struct Key {
    key @0 :Data;
    partition @1 :UInt16;
    perSecond @2 :Float64;
    error @3 :Float64;  # it may be so much less
  }
}
