// The fields of every struct that travels, so that tests miss none: a struct that grows does not compile until its
// number of fields is told here.
#pragma once

#include <tuple>
#include <utility>

#include "messages/request.h"
#include "wire/codec.h"

namespace gyre::wire::testing {

// 0: no struct of fields.
template <class T>
inline constexpr int kFields = 0;

template <>
inline constexpr int kFields<Position> = 2;
template <>
inline constexpr int kFields<Timing> = 3;
template <>
inline constexpr int kFields<Error> = 4;
template <>
inline constexpr int kFields<ring::Addresses> = 3;
template <>
inline constexpr int kFields<ring::NodeInfo> = 8;
template <>
inline constexpr int kFields<ring::InSyncMember> = 2;
template <>
inline constexpr int kFields<ring::DeposedPrimary> = 2;
template <>
inline constexpr int kFields<ring::PartitionEntry> = 8;
template <>
inline constexpr int kFields<ring::ClusterShape> = 6;
template <>
inline constexpr int kFields<ring::MoveLimits> = 3;
template <>
inline constexpr int kFields<ring::ClusterMap> = 7;
template <>
inline constexpr int kFields<std::pair<PartitionId, ring::PartitionEntry>> = 2;
template <>
inline constexpr int kFields<ring::MapDelta> = 9;
template <>
inline constexpr int kFields<ring::MapUpdate> = 2;
template <>
inline constexpr int kFields<ring::Placement> = 1;
template <>
inline constexpr int kFields<ring::PlannedMove> = 4;
template <>
inline constexpr int kFields<ring::NodeLoad> = 4;
template <>
inline constexpr int kFields<ring::NodeBalance> = 4;
template <>
inline constexpr int kFields<ring::Spread> = 3;
template <>
inline constexpr int kFields<ring::Plan> = 10;

template <>
inline constexpr int kFields<messages::Condition> = 2;
template <>
inline constexpr int kFields<messages::Expiry> = 2;
template <>
inline constexpr int kFields<messages::WriteOperation> = 6;
template <>
inline constexpr int kFields<messages::WriteOutcome> = 4;
template <>
inline constexpr int kFields<messages::Record> = 3;
template <>
inline constexpr int kFields<messages::Mutation> = 3;
template <>
inline constexpr int kFields<messages::TermStart> = 2;
template <>
inline constexpr int kFields<messages::WriteId> = 2;
template <>
inline constexpr int kFields<messages::LoggedWrite> = 8;
template <>
inline constexpr int kFields<messages::WindowWrite> = 8;

template <>
inline constexpr int kFields<messages::ReadConsistency> = 3;
template <>
inline constexpr int kFields<messages::GetRequest> = 3;
template <>
inline constexpr int kFields<messages::WriteRequest> = 6;
template <>
inline constexpr int kFields<messages::ScanRequest> = 6;
template <>
inline constexpr int kFields<messages::MapRequest> = 1;
template <>
inline constexpr int kFields<messages::JoinRequest> = 3;
template <>
inline constexpr int kFields<messages::HeartbeatRequest> = 4;
template <>
inline constexpr int kFields<messages::DigestRequest> = 2;
template <>
inline constexpr int kFields<messages::LostRequest> = 1;
template <>
inline constexpr int kFields<messages::EventsRequest> = 1;
template <>
inline constexpr int kFields<messages::PromoteRequest> = 4;
template <>
inline constexpr int kFields<messages::ApplyRequest> = 1;
template <>
inline constexpr int kFields<messages::ClusterSetRequest> = 9;
template <>
inline constexpr int kFields<messages::NodeSetRequest> = 4;
template <>
inline constexpr int kFields<messages::HotRequest> = 1;
template <>
inline constexpr int kFields<messages::FaultRule> = 5;
template <>
inline constexpr int kFields<messages::FaultsRequest> = 2;
template <>
inline constexpr int kFields<messages::Request> = 4;

template <>
inline constexpr int kFields<messages::Standing> = 2;
template <>
inline constexpr int kFields<messages::GetResponse> = 3;
template <>
inline constexpr int kFields<messages::WriteResponse> = 2;
template <>
inline constexpr int kFields<messages::ScanItem> = 3;
template <>
inline constexpr int kFields<messages::ScanResponse> = 3;
template <>
inline constexpr int kFields<messages::MapResponse> = 1;
template <>
inline constexpr int kFields<messages::JoinResponse> = 1;
template <>
inline constexpr int kFields<messages::HeartbeatResponse> = 2;
template <>
inline constexpr int kFields<messages::NodeStatus> = 3;
template <>
inline constexpr int kFields<messages::StatusResponse> = 2;
template <>
inline constexpr int kFields<messages::PartitionStatus> = 9;
template <>
inline constexpr int kFields<messages::PartitionStatus::Member> = 6;
template <>
inline constexpr int kFields<messages::PartitionsResponse> = 1;
template <>
inline constexpr int kFields<messages::DigestResponse> = 4;
template <>
inline constexpr int kFields<messages::LostWrite> = 6;
template <>
inline constexpr int kFields<messages::LostRange> = 5;
template <>
inline constexpr int kFields<messages::LostItem> = 3;
template <>
inline constexpr int kFields<messages::LostResponse> = 2;
template <>
inline constexpr int kFields<messages::ClusterEvent> = 5;
template <>
inline constexpr int kFields<messages::EventsResponse> = 2;
template <>
inline constexpr int kFields<messages::PromoteResponse> = 1;
template <>
inline constexpr int kFields<messages::PlanResponse> = 2;
template <>
inline constexpr int kFields<messages::ApplyResponse> = 1;
template <>
inline constexpr int kFields<messages::MoveStatus> = 7;
template <>
inline constexpr int kFields<messages::MovePolicy> = 4;
template <>
inline constexpr int kFields<messages::NodeLoadStatus> = 7;
template <>
inline constexpr int kFields<messages::MovesResponse> = 9;
template <>
inline constexpr int kFields<messages::SetResponse> = 1;
template <>
inline constexpr int kFields<messages::HotKey> = 4;
template <>
inline constexpr int kFields<messages::HotResponse> = 2;
template <>
inline constexpr int kFields<messages::FaultsResponse> = 1;
template <>
inline constexpr int kFields<messages::Response> = 3;

template <>
inline constexpr int kFields<messages::NodeSettings> = 3;
template <>
inline constexpr int kFields<Settings> = 2;

template <>
inline constexpr int kFields<messages::Append> = 11;
template <>
inline constexpr int kFields<messages::AppendAck> = 11;
template <>
inline constexpr int kFields<messages::GivenUp> = 2;
template <>
inline constexpr int kFields<messages::FetchKeys> = 4;
template <>
inline constexpr int kFields<messages::FetchedKey> = 2;
template <>
inline constexpr int kFields<messages::FetchedKeys> = 7;
template <>
inline constexpr int kFields<messages::SnapshotAsk> = 4;
template <>
inline constexpr int kFields<messages::SnapshotChunk> = 10;
template <>
inline constexpr int kFields<messages::PartitionTerm> = 2;
template <>
inline constexpr int kFields<messages::Poll> = 2;
template <>
inline constexpr int kFields<messages::Seal> = 1;
template <>
inline constexpr int kFields<messages::Order> = 5;
template <>
inline constexpr int kFields<messages::MapPush> = 1;
template <>
inline constexpr int kFields<messages::PollAnswer> = 1;
template <>
inline constexpr int kFields<messages::PollAnswer::Item> = 3;
template <>
inline constexpr int kFields<messages::SealAnswer> = 2;
template <>
inline constexpr int kFields<messages::SealAnswer::Item> = 5;
template <>
inline constexpr int kFields<messages::SetInSync> = 5;
template <>
inline constexpr int kFields<messages::HandedOver> = 3;
template <>
inline constexpr int kFields<messages::PeerDown> = 3;
template <>
inline constexpr int kFields<messages::Promises> = 1;
template <>
inline constexpr int kFields<messages::Accounted> = 2;
template <>
inline constexpr int kFields<messages::NodeEvent> = 5;
template <>
inline constexpr int kFields<messages::LoadReport> = 5;
template <>
inline constexpr int kFields<messages::LoadReport::Item> = 4;
template <>
inline constexpr int kFields<messages::LoadReport::Transfer> = 4;
template <>
inline constexpr int kFields<messages::Retired> = 1;
template <>
inline constexpr int kFields<messages::RetireAsk> = 2;
template <>
inline constexpr int kFields<messages::RetireAnswer> = 4;
template <>
inline constexpr int kFields<messages::Sender> = 3;
template <>
inline constexpr int kFields<messages::Frame> = 4;

// References to all fields of `value`, in order.
template <class T>
auto fields_of(T& value) {
  constexpr int kCount = kFields<std::remove_const_t<T>>;
  static_assert(kCount >= 1 && kCount <= 11, "tell the number of fields above");
  if constexpr (kCount == 1) {
    auto& [a] = value;
    return std::tie(a);
  } else if constexpr (kCount == 2) {
    auto& [a, b] = value;
    return std::tie(a, b);
  } else if constexpr (kCount == 3) {
    auto& [a, b, c] = value;
    return std::tie(a, b, c);
  } else if constexpr (kCount == 4) {
    auto& [a, b, c, d] = value;
    return std::tie(a, b, c, d);
  } else if constexpr (kCount == 5) {
    auto& [a, b, c, d, e] = value;
    return std::tie(a, b, c, d, e);
  } else if constexpr (kCount == 6) {
    auto& [a, b, c, d, e, f] = value;
    return std::tie(a, b, c, d, e, f);
  } else if constexpr (kCount == 7) {
    auto& [a, b, c, d, e, f, g] = value;
    return std::tie(a, b, c, d, e, f, g);
  } else if constexpr (kCount == 8) {
    auto& [a, b, c, d, e, f, g, h] = value;
    return std::tie(a, b, c, d, e, f, g, h);
  } else if constexpr (kCount == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = value;
    return std::tie(a, b, c, d, e, f, g, h, i);
  } else if constexpr (kCount == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j);
  } else {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k);
  }
}

}  // namespace gyre::wire::testing
