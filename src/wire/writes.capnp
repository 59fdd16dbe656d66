# What is written, stored, replicated and logged.

@0xee3ac73f438044de;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("gyre::wire::schema");

# One write as a client asks for it.
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

struct WriteOutcome {
  term @0 :UInt64;  # version of the key now; of the deletion for del
  sequence @1 :UInt64;
  number @2 :Int64;  # incr: the value after
  existed @3 :Bool;  # the key was there before
  changed @4 :Bool;  # something was written
}

# A stored value.
struct Record {
  value @0 :Data;  # empty where it was not wanted
  term @1 :UInt64;      # version: the position of the write that made it
  sequence @2 :UInt64;
  expiresAtMs @3 :Int64;  # since 1970-01-01 UTC; 0: never
}

# A key and what a member holds of it.
struct KeyedRecord {
  key @0 :Data;
  record @1 :Record;  # null: not there
}

# A part of a write, as resulting state. Its version is the write's position.
struct Mutation {
  key @0 :Data;
  union {
    put @1 :Data;
    del @2 :Void;
  }
  expiresAtMs @3 :Int64;  # of put; since 1970-01-01 UTC; 0: never
}

# One write as members apply it and stores log it.
struct LoggedWrite {
  term @0 :UInt64;  # its position
  sequence @1 :UInt64;
  timeMs @2 :Int64;  # partition time when the primary decided; since 1970-01-01 UTC
  mutations @3 :List(Mutation);  # 1 to 10,000

  client @4 :UInt64;  # with `number` names the write, so that a retry is recognised; 0: it has no name
  number @5 :UInt64;
  lowestOpen @6 :UInt64;   # of the client's numbers: what is below is never asked for again
  fingerprint @7 :UInt64;  # of the operations asked for
  outcomes @8 :List(WriteOutcome);  # of a write with a name; at most 10,000
  mayRepeat @9 :Bool;  # it may have been sent before its primary took office: an earlier one may have written it, too
}

# A write that a partition recognises a retry of.
struct WindowWrite {
  client @0 :UInt64;
  number @1 :UInt64;
  lowestOpen @2 :UInt64;
  term @3 :UInt64;  # its position
  sequence @4 :UInt64;
  timeMs @5 :Int64;
  fingerprint @6 :UInt64;
  outcomes @7 :List(WriteOutcome);  # at most 10,000
  mayRepeat @8 :Bool;  # as in LoggedWrite
  closed @9 :Bool;     # nobody asks for it again: no fingerprint, no outcomes
}

# The first sequence of a term. Histories list them oldest first, at most 1000.
struct TermStart {
  term @0 :UInt64;
  first @1 :UInt64;
}
