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
#include "messages/control.h"
#include "messages/loss.h"
#include "messages/operation.h"
#include "messages/peer.h"
#include "ring/cluster_map.h"
#include "ring/map_delta.h"
#include "ring/plan.h"

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

// --- Changing the cluster: to a coordinator ---

// What would a rebalance do now?
struct PlanRequest {};

// Makes the target placement of that plan the cluster's. Refused if the plan would be another one by now.
struct ApplyRequest {
  std::uint64_t plan = 0;
};

// How far are the moves?
struct MovesRequest {};

// Changes what is given.
struct ClusterSetRequest {
  std::optional<bool> automatic;  // joins, leaves and deaths are acted upon without being told to
  std::optional<bool> paused;     // no move begins
  std::optional<bool> spread_hot;  // plans may move primaries for load
  std::optional<std::uint32_t> moves_per_node;
  std::optional<std::uint64_t> bytes_per_second;
  std::optional<double> p99_factor;
  std::optional<Duration> replace_after;  // whole ms on the wire; 0: never
  std::optional<std::uint32_t> replication_factor;
  std::optional<std::uint32_t> min_in_sync;
};

// Changes what is given of one node.
struct NodeSetRequest {
  enum class Action : std::uint8_t {
    none = 0,
    drain = 1,   // give away all it has
    resume = 2,  // take part again
    remove = 3,  // drain, then forget it
    forget = 4,  // it is gone for good, and its copies with it
  };
  NodeId node;
  std::optional<double> weight;
  std::optional<std::string> zone;
  Action action = Action::none;
};

// --- To a node ---

// Its busiest partitions and keys.
struct HotRequest {
  std::uint32_t keys_max = 20;
};

// Faults of the network that a process makes of its own will, for tests: on what it exchanges with one other. Refused
// unless the process was started with --allow-fault-injection.
struct FaultRule {
  enum class Direction : std::uint8_t { both = 0, in = 1, out = 2 };
  std::string peer;  // a node id; "coordinator"; "*": every node and the coordinator; "clients": who is neither
  Direction direction = Direction::both;
  double drop = 0;    // of all frames, 0 to 1
  Duration delay{0};  // of each frame; whole ms on the wire
  Duration jitter{0};  // up to so much more; frames stay in order

  bool operator==(const FaultRule&) const = default;
};

// `rules` take the place of all that are on; with `show`, nothing is changed.
struct FaultsRequest {
  bool show = true;
  std::vector<FaultRule> rules;
};

using RequestBody =
    std::variant<GetRequest, WriteRequest, ScanRequest, MapRequest, JoinRequest, HeartbeatRequest, StatusRequest, PartitionsRequest, DigestRequest, LostRequest, EventsRequest, PromoteRequest, PlanRequest, ApplyRequest, MovesRequest, ClusterSetRequest, NodeSetRequest, HotRequest, FaultsRequest>;

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

struct PlanResponse {
  ring::Plan plan;
  Duration estimate{0};  // that it takes, by the rates seen and the limits set; whole ms on the wire
};

struct ApplyResponse {
  Epoch epoch;  // from here on it is the target
};

// A copy that comes to be or goes.
struct MoveStatus {
  enum class Stage : std::uint8_t {
    waiting = 0,  // for its turn
    copying = 1,  // `to` is a learner
    handing_over = 2,  // the primary moves
    leaving = 3,  // `from` gives up its place
    deleting = 4,  // and its data
  };
  PartitionId partition;
  NodeId from;  // as in ring::PlannedMove
  NodeId to;
  Stage stage = Stage::waiting;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;

  bool operator==(const MoveStatus&) const = default;
};

// What an operator has set.
struct MovePolicy {
  bool automatic = true;
  bool paused = false;
  bool spread_hot = false;
  Duration replace_after = std::chrono::minutes(5);  // 0: never

  bool operator==(const MovePolicy&) const = default;
};

struct NodeLoadStatus {
  NodeId node;
  std::uint64_t bytes = 0;
  double reads_per_second = 0;
  double writes_per_second = 0;
  std::uint32_t p99_us = 0;
  std::uint32_t rest_p99_us = 0;
  std::uint32_t faults = 0;

  bool operator==(const NodeLoadStatus&) const = default;
};

struct MovesResponse {
  MovePolicy policy;
  ring::MoveLimits limits;
  std::vector<MoveStatus> moves;  // open ones, by partition
  std::uint64_t bytes_done = 0;   // of this rebalance, finished moves included
  std::uint64_t bytes_total = 0;
  std::uint32_t moves_done = 0;
  std::uint32_t moves_total = 0;
  double bytes_per_second = 0;    // lately
  std::vector<NodeLoadStatus> nodes;
};

// What was asked for is in the cluster's state.
struct SetResponse {
  Epoch epoch;
};

struct HotKey {
  Bytes key;
  PartitionId partition;
  double per_second = 0;
  double error = 0;  // it may be so much less

  bool operator==(const HotKey&) const = default;
};

struct HotResponse {
  std::vector<HotKey> keys;                 // hottest first
  std::vector<LoadReport::Item> partitions;  // hottest first
};

struct FaultsResponse {
  std::vector<FaultRule> rules;  // that are on
};

using ResponseBody =
    std::variant<Error, GetResponse, WriteResponse, ScanResponse, MapResponse, JoinResponse, HeartbeatResponse, StatusResponse, PartitionsResponse, DigestResponse, LostResponse, EventsResponse, PromoteResponse, PlanResponse, ApplyResponse, MovesResponse, SetResponse, HotResponse, FaultsResponse>;

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

using Message = std::variant<Append, AppendAck, GivenUp, FetchKeys, FetchedKeys, SnapshotAsk, SnapshotChunk, Poll, Seal, Order, MapPush, PollAnswer, SealAnswer, SetInSync, HandedOver, PeerDown, Promises, Leaving, Accounted, NodeEvent, LoadReport, Retired, RetireAsk, RetireAnswer>;

// What one frame carries: any number of each.
struct Frame {
  std::vector<Request> requests;
  std::vector<Response> responses;
  Sender sender;  // with messages
  std::vector<Message> messages;
};

}  // namespace gyre::messages
