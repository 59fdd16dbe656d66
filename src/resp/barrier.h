// WAIT: how many replicas hold what a connection has written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "messages/request.h"
#include "redis/command_table.h"
#include "ring/cluster_map.h"

namespace gyre::resp {

// What a connection has written since it waited last: a key of each partition.
using WrittenKeys = std::map<PartitionId, Bytes>;

// Asks each partition at each level at once, by writes that surely fail: such an answer shows what the partition holds,
// and so waits until as many members hold that as the level says.
class Barrier {
 public:
  struct Wanted {
    std::int64_t replicas = 0;
    Duration timeout{0};  // 0: as long as a request may take
  };
  // In Redis's words.
  static redis::Parsed<Wanted> parse(const redis::Arguments& arguments);

  // REQUIRES: at least one key.
  Barrier(const ring::ClusterMap& map, const Wanted& wanted, WrittenKeys written);

  struct Question {
    Bytes key;
    messages::WriteRequest write;
  };
  std::size_t questions() const { return keys_.size() * levels_; }
  Question question(std::size_t index) const;
  void on_answer(std::size_t index, const messages::ResponseBody& body);
  // That hold all of it, for certain.
  std::int64_t replicas() const;
  // Of whoever has written nothing: that hold all there is of any partition, by the map.
  static std::int64_t replicas_of_any(const ring::ClusterMap& map);

 private:
  std::vector<Bytes> keys_;
  std::size_t levels_;  // 1: the primary alone
  std::vector<std::size_t> held_;  // by each partition: members, the primary included; 0: not even by that
};

}  // namespace gyre::resp
