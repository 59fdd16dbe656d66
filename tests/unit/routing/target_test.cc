#include "routing/target.h"

#include <gtest/gtest.h>

namespace gyre::routing {
namespace {

messages::WriteRequest write(std::vector<std::string> keys) {
  messages::WriteRequest request;
  for (const auto& key : keys) {
    messages::WriteOperation operation;
    operation.key = Bytes::copy_of(key);
    request.operations.push_back(operation);
  }
  return request;
}

TEST(Target, IsThePartitionOfTheKey) {
  const ring::Partitioning partitioning(256);
  EXPECT_EQ(*partition_of(messages::GetRequest{Bytes::literal("k")}, partitioning), partitioning.of("k"));
  EXPECT_EQ(*partition_of(write({"{t}1", "{t}2"}), partitioning), partitioning.of("{t}"));
}

TEST(Target, RefusesABatchOverPartitions) {
  const auto partition = partition_of(write({"a", "b", "c"}), ring::Partitioning(16384));
  ASSERT_FALSE(partition);
  EXPECT_EQ(partition.error().code, ErrorCode::invalid_argument);
}

TEST(Target, OnlyRequestsForDataHaveOne) {
  EXPECT_TRUE(has_partition(messages::ScanRequest{}));
  EXPECT_FALSE(has_partition(write({})));
  EXPECT_FALSE(has_partition(messages::MapRequest{}));
}

}  // namespace
}  // namespace gyre::routing
