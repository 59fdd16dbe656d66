// Frames: the requests and responses of clients, and what nodes and the coordinator tell each other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "gyre/result.h"
#include "messages/admin.h"
#include "messages/control.h"
#include "messages/loss.h"
#include "messages/operation.h"
#include "messages/peer.h"
#include "ring/cluster_map.h"
#include "ring/map_delta.h"

namespace gyre::messages {

// How fresh a read has to be (PROTOCOL.md section 3).
enum class ReadLevel : std::uint8_t { primary = 0, linearizable = 1, session = 2, bounded = 3, any = 4 };

struct ReadConsistency {
  ReadLevel level = ReadLevel::primary;
  Duration bound{0};  // with bounded; whole ms on the wire
  Position seen;      // what the session has seen of this partition; {0, 0}: nothing
};

// How many in-sync members, the primary included, must have applied a write before it is acknowledged: 1 to
// kReplicationFactorMax, or kAckAll.
using AckCount = std::uint8_t;
inline constexpr AckCount kAckOne = 1;
inline constexpr AckCount kAckAll = 255;

// Reads one key.
struct GetRequest {
  Bytes key;
  bool value_wanted = true;  // false: version and expiry only
  ReadConsistency read = {};
};

// Applies all operations or none. REQUIRES: 1 to kBatchOperationsMax, all of one partition.
struct WriteRequest {
  std::vector<WriteOperation> operations;
  AckCount ack = kAckOne;
  WriteId id = {};
  WriteNumber lowest_open = {};  // of the client's writes
  Duration age{0};               // since it was first sent, by the client's clock; whole ms on the wire
  Position seen = {};            // as in ReadConsistency; for the answer's Standing only
};

// One page of a partition in key order.
struct ScanRequest {
  PartitionId partition;
  Bytes prefix;
  Bytes after;                    // the page begins behind this key; empty: at the first
  std::uint32_t items_max = 1000;
  bool values_wanted = true;
  ReadConsistency read = {};
};

// Asks for the cluster map if it is newer than `known`.
struct MapRequest {
  Epoch known;
};

// Node to coordinator: asks to be admitted. Repeated after every start and whenever the coordinator forgot it.
struct JoinRequest {
  ClusterId cluster;  // empty: this data directory has never joined one
  ring::NodeInfo node;  // with its generation
  Epoch known;
};

// Node to coordinator, every heartbeat interval.
struct HeartbeatRequest {
  ClusterId cluster;
  NodeId node;
  Incarnation incarnation;
  Epoch known;
};

// Asks the coordinator how it sees the nodes.
struct StatusRequest {};

// Asks a node how its partitions are.
struct PartitionsRequest {};

// Asks a node for a digest of what it holds of a partition, records expired at `time` left out.
struct DigestRequest {
  PartitionId partition;
  UnixMillis time;
};

// Asks a node for its loss ledger, a page at a time, in the order written.
struct LostRequest {
  std::uint64_t after = 0;  // of the last entry seen
};

// Asks the coordinator what happened, a page at a time, oldest first.
struct EventsRequest {
  std::uint64_t after = 0;  // of the last event seen
};

// An operator asks the coordinator to make `node` primary.
struct PromoteRequest {
  NodeId node;
  std::vector<PartitionId> partitions;  // empty: all that have no primary able to serve and have `node` as a member
  bool unclean = false;  // `node` need not be in the in-sync set: acknowledged writes may be lost
  std::vector<NodeId> stopped;  // the operator's word that these processes are stopped for good
};

using RequestBody =
    std::variant<GetRequest, WriteRequest, ScanRequest, MapRequest, JoinRequest, HeartbeatRequest, StatusRequest,
                 PartitionsRequest, DigestRequest, LostRequest, EventsRequest, PromoteRequest, PlanRequest,
                 ApplyRequest, MovesRequest, ClusterSetRequest, NodeSetRequest, HotRequest, FaultsRequest>;

struct Request {
  RequestId id;           // answers carry it back; unique among the open requests of a connection
  Duration budget{0};     // time left until the caller's deadline, in whole ms on the wire; 0: none given
  Epoch epoch;            // of the map the sender routed by; 0: it has none
  RequestBody body;
};

// Where the answering member stood: what a session has now seen, and what became of what it had seen.
struct Standing {
  Position position;    // applied when the value was read, or of the write
  // The terms from that of `seen` on, without its own where nothing of it survived; empty where it is the newest, or
  // forgotten.
  TermHistory history;
};

// `record` empty: the key does not exist. An answer, not an error: absence has been seen, too.
struct GetResponse {
  std::optional<Record> record;  // value empty where it was not wanted
  std::int64_t ttl_ms = -1;      // time left by the partition's clock; -1: does not expire
  Standing standing = {};
};

struct WriteResponse {
  std::vector<WriteOutcome> outcomes;  // one for each operation
  Standing standing = {};
};

struct ScanItem {
  Bytes key;
  Record record;
  std::int64_t ttl_ms = -1;
};

struct ScanResponse {
  std::vector<ScanItem> items;
  bool more = false;  // there are keys behind the last one
  Standing standing = {};
};

// Empty where the asker's is as new.
struct MapResponse {
  ring::MapUpdate update;
};

struct JoinResponse {
  ring::ClusterMapPtr map;  // names the node
};

struct HeartbeatResponse {
  bool join_again = false;  // the coordinator does not know this incarnation
  ring::MapUpdate update;   // newer than the node's, or empty
};

struct NodeStatus {
  NodeId node;
  bool up = false;
  std::int64_t silent_ms = -1;  // since its last heartbeat; -1: none since the coordinator started
};

struct StatusResponse {
  std::vector<NodeStatus> nodes;
  ring::ClusterMapPtr map;
};

// One partition as one of its members sees it.
struct PartitionStatus {
  enum class Role : std::uint8_t { idle = 0, learner = 1, replica = 2, primary = 3, broken = 4 };
  struct Member {  // of a primary: what it knows of another
    NodeId node;
    Position acknowledged;
    std::uint64_t behind = 0;        // writes
    std::int64_t lag_ms = -1;        // age of the oldest write it lacks; 0: none lacking; -1: never heard
    std::int64_t lease_left_ms = 0;  // negative: run out
    bool counted = false;            // for acknowledgements and leases

    bool operator==(const Member&) const = default;
  };
  PartitionId partition;
  Role role = Role::idle;
  bool serving = false;
  Term term;  // of the entry known
  Position position;
  Term promised;
  bool whole = true;
  std::string why;  // a primary that does not serve, or a broken member: why
  std::vector<Member> members;

  bool operator==(const PartitionStatus&) const = default;
};

struct PartitionsResponse {
  std::vector<PartitionStatus> partitions;  // those this node is a member of
};

struct DigestResponse {
  Position position;
  std::uint64_t records = 0;
  std::uint64_t digest = 0;  // of keys, values, versions and expiries, in key order
  bool whole = true;
};

struct LostItem {
  std::uint64_t id = 0;  // grows
  UnixMillis recorded;   // wall time
  Loss loss;

  bool operator==(const LostItem&) const = default;
};

struct LostResponse {
  std::vector<LostItem> items;
  bool more = false;
};

struct ClusterEvent {
  std::uint64_t id = 0;  // grows, across restarts of the coordinator too
  UnixMillis time;       // the coordinator's wall clock
  std::string kind;      // e.g. "promoted"
  NodeId node;           // empty where none is concerned
  std::string detail;    // a sentence

  bool operator==(const ClusterEvent&) const = default;
};

struct EventsResponse {
  std::vector<ClusterEvent> events;
  bool more = false;
};

struct PromoteResponse {
  std::vector<PartitionId> partitions;  // those that were promoted
};

using ResponseBody =
    std::variant<Error, GetResponse, WriteResponse, ScanResponse, MapResponse, JoinResponse, HeartbeatResponse,
                 StatusResponse, PartitionsResponse, DigestResponse, LostResponse, EventsResponse, PromoteResponse,
                 PlanResponse, ApplyResponse, MovesResponse, SetResponse, HotResponse, FaultsResponse>;

struct Response {
  RequestId id;
  Epoch epoch;  // of the newest map the answering process has: newer than the request's means "refresh"
  ResponseBody body;
};

// The process that one-way messages come from. What comes from another cluster is dropped.
struct Sender {
  ClusterId cluster;
  NodeId node;  // empty: the coordinator
  Incarnation incarnation;

  bool operator==(const Sender&) const = default;
};

using Message = std::variant<Append, AppendAck, GivenUp, FetchKeys, FetchedKeys, SnapshotAsk, SnapshotChunk, Poll, Seal,
                             Order, MapPush, PollAnswer, SealAnswer, SetInSync, HandedOver, PeerDown, Promises, Leaving,
                             Accounted, NodeEvent, LoadReport, Retired, RetireAsk, RetireAnswer>;

// What one frame carries: any number of each.
struct Frame {
  std::vector<Request> requests;
  std::vector<Response> responses;
  Sender sender;  // with messages
  std::vector<Message> messages;
};

}  // namespace gyre::messages
