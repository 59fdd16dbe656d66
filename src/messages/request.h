// Requests and responses: what travels between clients, nodes and the coordinator.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "gyre/result.h"
#include "messages/operation.h"
#include "ring/cluster_map.h"

namespace gyre::messages {

// Reads one key from the primary of its partition.
struct GetRequest {
  Bytes key;
  bool value_wanted = true;  // false: version and expiry only
};

// Applies all operations or none. REQUIRES: 1 to kBatchOperationsMax, all of one partition.
struct WriteRequest {
  std::vector<WriteOperation> operations;
};

// One page of a partition in key order.
struct ScanRequest {
  PartitionId partition;
  Bytes prefix;
  Bytes after;                    // the page begins behind this key; empty: at the first
  std::uint32_t items_max = 1000;
  bool values_wanted = true;
};

// Asks for the cluster map if it is newer than `known`.
struct MapRequest {
  Epoch known;
};

// Node to coordinator: asks to be admitted. Repeated after every start and whenever the coordinator forgot it.
struct JoinRequest {
  ClusterId cluster;  // empty: this data directory has never joined one
  ring::NodeInfo node;
  Epoch known;
};

// Node to coordinator, every heartbeat interval.
struct HeartbeatRequest {
  NodeId node;
  Incarnation incarnation;
  Epoch known;
};

// Asks the coordinator how it sees the nodes.
struct StatusRequest {};

using RequestBody =
    std::variant<GetRequest, WriteRequest, ScanRequest, MapRequest, JoinRequest, HeartbeatRequest, StatusRequest>;

struct Request {
  RequestId id;           // answers carry it back; unique among the open requests of a connection
  Duration budget{0};     // time left until the caller's deadline, in whole ms on the wire; 0: none given
  Epoch epoch;            // of the map the sender routed by; 0: it has none
  RequestBody body;
};

struct GetResponse {
  Record record;           // value empty where it was not wanted
  std::int64_t ttl_ms = -1;  // time left by the partition's clock; -1: does not expire
};

struct WriteResponse {
  std::vector<WriteOutcome> outcomes;  // one for each operation
};

struct ScanItem {
  Bytes key;
  Record record;
  std::int64_t ttl_ms = -1;
};

struct ScanResponse {
  std::vector<ScanItem> items;
  bool more = false;  // there are keys behind the last one
};

// `map` is null where the asker's is as new.
struct MapResponse {
  ring::ClusterMapPtr map;
};

struct JoinResponse {
  ring::ClusterMapPtr map;  // names the node
};

struct HeartbeatResponse {
  bool join_again = false;  // the coordinator does not know this incarnation
  ring::ClusterMapPtr map;  // newer than the node's, or null
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

using ResponseBody = std::variant<Error, GetResponse, WriteResponse, ScanResponse, MapResponse, JoinResponse,
                                  HeartbeatResponse, StatusResponse>;

struct Response {
  RequestId id;
  Epoch epoch;  // of the newest map the answering process has: newer than the request's means "refresh"
  ResponseBody body;
};

// What one frame carries: any number of either.
struct Frame {
  std::vector<Request> requests;
  std::vector<Response> responses;
};

}  // namespace gyre::messages
