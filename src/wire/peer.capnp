# One-way messages between the members of a partition. Any of them may be lost, doubled, late or out of order.
#
# All name partition (0 to 16383) and term. `...Ns` are readings of one process's steady clock, 0 to 2^62: only that
# process makes sense of them, when they come back to it.

@0xc6dc444e0c99e8fc;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("gyre::wire::schema");

using Writes = import "writes.capnp";

struct PartitionTerm {
  partition @0 :UInt16;
  term @1 :UInt64;
}

# Primary to member: the next writes; without any, a heartbeat.
struct Append {
  partition @0 :UInt16;
  serving @1 :Bool;  # the primary held the right to serve when it sent this
  term @2 :UInt64;
  sentAtNs @3 :Int64;  # the primary's clock; comes back in the acknowledgement
  echoNs @4 :Int64;    # the member's clock: sentAtNs of the newest acknowledgement that the primary has; 0: none
  timeMs @5 :Int64;    # partition time; since 1970-01-01 UTC
  position :group {    # of the primary, committed, when it sent this
    term @6 :UInt64;
    sequence @7 :UInt64;
  }
  previous :group {  # of the write before the first of `writes`
    term @8 :UInt64;
    sequence @9 :UInt64;
  }
  history @10 :List(Writes.TermStart);  # where the member has to find out where their histories part; else empty
  writes @11 :List(Writes.LoggedWrite);
  # Consecutive. About 1 MiB; beyond, one write at most.
  mayWait @12 :Bool;  # nobody waits for what the member was sent: it may store it later, with more
}

# Member to primary: how far it has come, and a lease.
struct AppendAck {
  partition @0 :UInt16;
  state @1 :State;
  whole @2 :Bool;    # false: a learner that has not reached the end of its repair
  refused @3 :Bool;  # the member promised a newer term: neither lease nor position
  gap @4 :Bool;      # writes are missing between `position` and those that came: send again from there
  term @5 :UInt64;   # of the append that is answered
  generation @6 :UInt64;  # of the member's data
  echoNs @7 :Int64;    # sentAtNs of that append
  sentAtNs @8 :Int64;  # the member's clock
  position :group {
    # Applied, as durable as the member was told to make it.
    term @9 :UInt64;
    sequence @10 :UInt64;
  }
  promised @11 :UInt64;  # term

  enum State {
    following @0;  # its history matches the primary's up to `position`
    unmatched @1;  # it cannot tell: send the term history
    repairing @2;  # it rewinds or receives a snapshot: `position` says nothing
  }
}

# A member that rewinds asks for the present state of keys.
struct FetchKeys {
  partition @0 :UInt16;
  term @1 :UInt64;
  id @2 :UInt64;  # comes back
  keys @3 :List(Data);  # at most 50,000
}

struct FetchedKeys {
  partition @0 :UInt16;
  term @1 :UInt64;
  id @2 :UInt64;
  position :group {
    # The primary had committed this when the last key had been read.
    term @3 :UInt64;
    sequence @4 :UInt64;
  }
  timeMs @5 :Int64;
  keys @6 :List(Writes.KeyedRecord);    # at most 50,000
  window @7 :List(Writes.WindowWrite);  # the primary's; takes the place of the member's own; at most 262,144
}

# A member without usable history asks for chunk after chunk; it repeats what is not answered.
struct SnapshotAsk {
  partition @0 :UInt16;
  term @1 :UInt64;
  id @2 :UInt64;     # chosen by the member; a new one means a new snapshot
  chunk @3 :UInt64;  # 0: begin. Asking for n+1 acknowledges n
}

struct SnapshotChunk {
  partition @0 :UInt16;
  last @1 :Bool;
  term @2 :UInt64;
  id @3 :UInt64;
  chunk @4 :UInt64;
  records @5 :List(Writes.KeyedRecord);  # in key order; each has a record; about 1 MiB

  # With the last one:
  position :group {
    # Of all records.
    term @6 :UInt64;
    sequence @7 :UInt64;
  }
  timeMs @8 :Int64;
  history @9 :List(Writes.TermStart);
  window @10 :List(Writes.WindowWrite);  # at most 262,144
}

# The primary's answer to a node that is no member any more and asks whether its copy may be deleted: what the survivors
# hold for sure. All of `history` up to `held` is with every counted member.
struct RetireAnswer {
  partition @0 :UInt16;
  term @1 :UInt64;
  held :group {
    term @2 :UInt64;
    sequence @3 :UInt64;
  }
  history @4 :List(Writes.TermStart);
}
