// Every maximum of Gyre in one place, and what happens beyond it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace gyre::limits {

using namespace std::chrono_literals;

// Data. Beyond: too_large, before anything is written.
inline constexpr std::size_t kKeyBytesMax = 16 * 1024;
inline constexpr std::size_t kValueBytesDefaultMax = 16 * 1024 * 1024;
inline constexpr std::size_t kValueBytesHardMax = 512 * 1024 * 1024 - 1;  // the longest blob of Cap'n Proto
inline constexpr std::size_t kBatchOperationsMax = 10'000;
inline constexpr std::size_t kTtlMsMax = std::size_t{100} * 365 * 24 * 3600 * 1000;  // a hundred years

// Cluster. Beyond: invalid_argument.
inline constexpr std::uint32_t kSlots = 16384;
inline constexpr std::uint32_t kPartitionsDefault = 256;
inline constexpr std::uint32_t kNodesMax = 1000;
inline constexpr std::uint32_t kReplicationFactorMax = 7;
inline constexpr std::size_t kMembersMax = 2 * kReplicationFactorMax;  // of a partition while it moves
inline constexpr std::size_t kDeposedMax = 16;  // of a partition; beyond: the two oldest count as one
inline constexpr std::size_t kCoordinatorsMax = 64;
inline constexpr std::uint32_t kVnodesDefault = 128;
inline constexpr std::uint32_t kVnodesMax = 4096;
inline constexpr double kWeightMax = 1000;
inline constexpr std::uint32_t kMovesPerNodeDefault = 4;
inline constexpr std::uint32_t kMovesPerNodeMax = 256;

// Wire. A frame carries one value (or batch) of the largest size and its envelope; beyond: one error, then closed.
// The envelope has room for what an append or snapshot chunk holds besides (1 MiB), and for what 10,000 operations
// need.
inline constexpr std::size_t kFrameEnvelopeBytes = 2 * 1024 * 1024;
inline constexpr std::size_t kFrameBytesFloor = 8 * 1024 * 1024;  // a map or scan page fits, however small values are
inline constexpr std::size_t kFrameSegmentsMax = 64;
inline constexpr std::size_t kFrameRequestsMax = 4096;
inline constexpr std::size_t kTextBytesMax = 1024;  // a name or address
inline constexpr std::size_t kErrorMessageBytesMax = 4096;  // beyond: cut off
inline constexpr std::size_t kReceiveChunkBytes = 64 * 1024;

// A request that gives no time of its own. Beyond: timeout.
inline constexpr auto kRequestWaitMax = 60s;

// A server's connection. Beyond: the server stops reading from it until answers drain.
inline constexpr std::size_t kConnectionRequestsInFlightMax = 8192;
inline constexpr std::size_t kConnectionOutputBytesMax = 64 * 1024 * 1024;
inline constexpr std::size_t kConnectionsMax = 10'000;  // beyond: closed at once
// Answers that a client does not take, which it asked for before the server stopped reading. Further reads: busy.
inline constexpr std::size_t kConnectionAnswerBytesMax = 4 * kConnectionOutputBytesMax;

// A partition's writes that wait for storage. Beyond: busy.
inline constexpr std::size_t kPartitionWritesQueuedMax = 16'384;
// Memory of all requests that are open in one store. Beyond: busy.
inline constexpr std::size_t kOpenRequestBytesMax = 512 * 1024 * 1024;
inline constexpr auto kBusyRetryAfter = 20ms;

// Replication. A member that takes nothing gets nothing more until it acknowledges.
inline constexpr std::size_t kStreamBytesInFlightMax = 8 * 1024 * 1024;  // of one partition to one member
inline constexpr std::size_t kAppendBytesMax = 1024 * 1024;  // of writes in one append, unless one alone is larger
inline constexpr std::size_t kPeerBacklogBytesMax = 32 * 1024 * 1024;  // to one node; beyond: only heartbeats
// Writes kept in memory for members that follow closely; the rest comes from the log on disk.
inline constexpr std::size_t kRecentLogBytesMax = 1024 * 1024;  // of one partition
inline constexpr std::size_t kRecentLogHeldBytesMax = 4 * 1024;  // of that, where every member has it already
inline constexpr std::size_t kLogReadBytes = 4 * 1024 * 1024;  // of one read of the log on disk
// Of a snapshot in one message. Its receiver stores it in one piece, and serves nobody meanwhile.
inline constexpr std::size_t kSnapshotChunkBytes = 128 * 1024;
// Of a snapshot, committed like writes. What is beyond is ingested, as files where it can be: for less, one is not
// worth it.
inline constexpr std::size_t kSnapshotCommittedBytesMax = 512 * 1024;
inline constexpr std::size_t kFetchKeysMax = 50'000;  // of a divergent tail; beyond: a snapshot
inline constexpr std::size_t kFetchKeysPerMessage = 1024;
inline constexpr std::size_t kFetchBytesPerMessage = 1024 * 1024;
inline constexpr std::size_t kFetchBytesMax = 64 * 1024 * 1024;  // of what one rewind fetches; beyond: a snapshot
inline constexpr std::size_t kSnapshotsMax = 2;  // of one partition at once; a further member is not answered
inline constexpr auto kSnapshotPatience = 10s;  // a snapshot whose member is silent for so long is closed
inline constexpr std::size_t kTermHistoryMax = 1000;  // terms a partition remembers; the oldest are forgotten
inline constexpr std::size_t kMessagesPerFrameMax = 4096;  // one-way messages; the rest leaves in the next frame

// Exactly once. Beyond, a partition answers busy: it never forgets an id early.
inline constexpr std::size_t kWindowWritesMax = 262'144;  // of one partition
inline constexpr std::size_t kWindowBytesMax = 64 * 1024 * 1024;
inline constexpr auto kWriteIdLife = 60s;  // above every deadline
// Of one partition, that nobody asks for again: for members that may have, and lose, what they repeat. Beyond, the
// oldest go.
inline constexpr std::size_t kRetriesKeptMax = 1024;

// Load. What nodes tell of, and remember: bounded however many keys there are.
inline constexpr std::size_t kHotKeysTracked = 256;  // by each store; the least of them makes room for a new one
inline constexpr std::size_t kHotKeysPageMax = 1000;
inline constexpr std::size_t kFaultRulesMax = 64;  // of one process

// The loss ledger and events. One answer carries at most so many; the rest comes with the next.
inline constexpr std::size_t kLostPageItemsMax = 1000;
inline constexpr std::size_t kEventsPageItemsMax = 1000;
inline constexpr std::size_t kEventsKeptMax = 20'000;
inline constexpr std::size_t kNodeEventsQueuedMax =
    4096;  // while no coordinator admits the node; the oldest are dropped

// Keys whose records are fetched ahead together: as many as a processor fetches at once, few enough to be there still
// when they are used.
inline constexpr std::size_t kKeysAhead = 16;

// Blocking work of one loop. Beyond: busy.
inline constexpr std::size_t kPoolJobsMax = 16'384;
// Reads of logs and snapshots, and exports, that one host has running at once; the rest waits.
inline constexpr std::size_t kHostTasksMax = 8;

// Scan. One page carries at most this; the rest comes with the next.
inline constexpr std::size_t kScanItemsMax = 10'000;
inline constexpr std::size_t kScanBytesMax = 4 * 1024 * 1024;

}  // namespace gyre::limits
