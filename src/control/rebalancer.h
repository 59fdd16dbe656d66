// From target and map to safe steps: how partitions get from the members they have to those they should have.
#pragma once

#include <map>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "control/effect.h"
#include "control/election.h"
#include "control/handover.h"
#include "control/in_sync.h"

namespace gyre::control {

// Releases that one primary is asked for at once.
inline constexpr std::size_t kReleasesPerPrimary = 16;

// For every partition whose members are not those of its target placement, the next step that keeps all promises:
//
//   1. a node of the target that is no member and well becomes a learner; its primary copies to it, and asks for it to
//      be in sync once it has caught up
//   2. once the target's members are in sync: a primary that the target does not have hands over
//   3. then members that the target does not have are released from the in-sync set, and learners that it does not have
//      are no members any more, once they have accounted for what they served
//
// Each step changes one entry, where no election is open, from what the map says; it can be interrupted anywhere. All
// that is kept here is what may be forgotten.
//
// INVARIANT: nothing leaves while fewer members of the target are in sync than min(RF, size of the target), or than an
// `all` write needs. But a node that an operator says is gone for good holds no copy: as a learner it leaves at once.
class Rebalancer {
 public:
  struct Step {
    PartitionId partition;
    NodeId node;
    bool joins = false;  // as a learner; false: leaves
    std::uint64_t version = 0;  // of the entry that it is for
  };

  // The steps that can be made now. Cheap where the map is as at the last call and has nothing left to do.
  std::vector<Step> steps(const View& view, const Elections& elections, const HandOvers& hand_overs);
  // Where the entry is still that one. True: done.
  static bool carry_out(const Step& step, ring::ClusterMap& map);
  // Orders hand-overs and releases, as often as heartbeats.
  std::vector<SendToNode> orders(const View& view, const Elections& elections, HandOvers& hand_overs);

  // All partitions have the members of their targets. As of the last call of steps().
  bool settled() const { return unsettled_.empty(); }

 private:
  // Copies that are being made, or will be.
  struct Copies {
    std::map<NodeId, std::uint32_t> to;
    std::map<NodeId, std::uint32_t> from;
  };

  void look(const View& view);
  Copies copies(const View& view) const;
  void add_joins(const View& view, const Elections& elections, const HandOvers& hand_overs,
                 std::vector<Step>& steps) const;
  void add_leaves(const View& view, const Elections& elections, const HandOvers& hand_overs,
                  std::vector<Step>& steps) const;

  Epoch looked_at_;
  std::vector<PartitionId> unsettled_;  // by the map of that epoch
  Instant order_at_{};
};

}  // namespace gyre::control
