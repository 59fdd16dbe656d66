// `gyre promote`: an operator makes a node primary.
#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "control/effect.h"
#include "control/election.h"
#include "control/handover.h"
#include "control/in_sync.h"
#include "gyre/result.h"
#include "messages/request.h"

namespace gyre::control {

// What is not done by then is answered with an error; the operator may ask again.
inline constexpr std::chrono::seconds kPromotionPatience(5);

// The partitions that `request` can make its node primary of; those it is primary of already are left out.
// ERRORS: invalid_argument (unknown node or partition; not a member; not in sync and not `unclean`; a member in sync
// lives; a primary that may still serve is not named as stopped), unavailable (the node is not up).
Result<std::vector<PartitionId>> plan_promotion(const View& view, const messages::PromoteRequest& request,
                                                const Elections& elections);

// Requests that were begun and are not answered yet.
class OperatorPromotions {
 public:
  // Begins what was planned: with a living primary a hand-over, else an election.
  void begin(const View& view, AnswerToken token, const messages::PromoteRequest& request,
             const std::vector<PartitionId>& partitions, Elections& elections, HandOvers& hand_overs);
  // Call at every new map, and when time has passed: the answers that are due.
  std::vector<Answer> step(const View& view, Elections& elections);

 private:
  struct Open {
    AnswerToken token;
    NodeId node;
    Instant until;
    std::map<PartitionId, Term> partitions;  // with the terms they had
  };

  std::vector<Open> open_;
};

}  // namespace gyre::control
