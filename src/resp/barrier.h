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

// The partitions that a connection has written to, with the term of the primary that took its last write there.
using Written = std::map<PartitionId, Term>;

// Asks each partition at each level at once, by writes that surely fail: such an answer shows what the partition holds,
// and so waits until as many members hold that as the level says.
class Barrier {
 public:
  struct Wanted {
    std::int64_t replicas = 0;
    Duration timeout{0};  // 0: as long as a request may take
    bool tells_local = false;  // whether the primaries have it, too: WAITAOF
  };
  // In Redis's words.
  static redis::Parsed<Wanted> parse(const redis::Arguments& arguments);
  static redis::Parsed<Wanted> parse_synced(const redis::Arguments& arguments);  // of WAITAOF

  // Asks for no more members than the map has in sync.
  Barrier(const ring::ClusterMap& map, const Wanted& wanted, Written written);

  struct Question {
    PartitionId partition;
    Bytes key;  // any of the partition
    messages::AckCount level = messages::kAckOne;

    messages::WriteRequest write() const;
  };
  const std::vector<Question>& questions() const { return questions_; }
  void on_answer(std::size_t index, const messages::ResponseBody& body);
  // That hold all of it, for certain. None hold what an earlier primary took: another may have come without it. `map`:
  // the newest, once all is answered.
  std::int64_t replicas(const ring::ClusterMap& map) const;
  // The primaries hold all of it, for certain.
  bool held_by_primaries(const ring::ClusterMap& map) const;
  // What a later one has to ask for again: where not all members hold it, and that has not been told as lost.
  Written rest(const ring::ClusterMap& map) const;
  // Of whoever has written nothing: that hold all there is of any partition, by the map.
  static std::int64_t replicas_of_any(const ring::ClusterMap& map);

 private:
  std::size_t held(const ring::ClusterMap& map, PartitionId partition, Term term) const;
  std::size_t fewest(const ring::ClusterMap& map) const;

  Written written_;
  std::vector<Question> questions_;
  std::map<PartitionId, std::size_t> held_;  // members, the primary included
};

}  // namespace gyre::resp
