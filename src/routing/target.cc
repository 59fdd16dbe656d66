#include "routing/target.h"

#include <utility>

#include <fmt/format.h>

namespace gyre::routing {

bool has_partition(const messages::RequestBody& body) {
  if (const auto* write = std::get_if<messages::WriteRequest>(&body)) return !write->operations.empty();
  return std::holds_alternative<messages::GetRequest>(body) || std::holds_alternative<messages::ScanRequest>(body);
}

Result<PartitionId> partition_of(const messages::RequestBody& body, const ring::Partitioning& partitioning) {
  if (const auto* get = std::get_if<messages::GetRequest>(&body)) return partitioning.of(get->key.view());
  if (const auto* scan = std::get_if<messages::ScanRequest>(&body)) {
    if (scan->partition.value() < partitioning.count()) return scan->partition;
    return fail(ErrorCode::invalid_argument, fmt::format("there is no partition {}; the cluster has {}",
                                                         scan->partition.value(), partitioning.count()));
  }
  const auto& operations = std::get<messages::WriteRequest>(body).operations;
  const PartitionId partition = partitioning.of(operations.front().key.view());
  for (const auto& operation : operations) {
    if (partitioning.of(operation.key.view()) != partition) {
      return fail(ErrorCode::invalid_argument,
                  "the keys of a batch must live in one partition; give them a common {hash tag}");
    }
  }
  return partition;
}

const messages::ReadConsistency* read_of(const messages::RequestBody& body) {
  if (const auto* get = std::get_if<messages::GetRequest>(&body)) return &get->read;
  if (const auto* scan = std::get_if<messages::ScanRequest>(&body)) return &scan->read;
  return nullptr;
}

messages::ReadConsistency* read_of(messages::RequestBody& body) {
  return const_cast<messages::ReadConsistency*>(read_of(std::as_const(body)));
}

bool may_spread(const messages::RequestBody& body) {
  const auto* read = read_of(body);
  return read && read->level != messages::ReadLevel::primary && read->level != messages::ReadLevel::linearizable;
}

const messages::Standing* standing_of(const messages::ResponseBody& body) {
  if (const auto* got = std::get_if<messages::GetResponse>(&body)) return &got->standing;
  if (const auto* written = std::get_if<messages::WriteResponse>(&body)) return &written->standing;
  if (const auto* scanned = std::get_if<messages::ScanResponse>(&body)) return &scanned->standing;
  return nullptr;
}

}  // namespace gyre::routing
