// The coordinator machine: decides on every change of the cluster map.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/broken_rule.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"
#include "control/admission.h"
#include "control/cluster_store.h"
#include "control/effect.h"
#include "control/election.h"
#include "control/entry_requests.h"
#include "control/event_groups.h"
#include "control/handover.h"
#include "control/liveness.h"
#include "control/load_table.h"
#include "control/membership.h"
#include "control/move_tracker.h"
#include "control/operator_promotion.h"
#include "control/planner.h"
#include "control/rebalancer.h"
#include "gyre/result.h"
#include "messages/request.h"
#include "ring/map_delta.h"

namespace gyre::control {

struct CoordinatorConfig {
  ClusterId new_cluster;             // the id of the cluster, if it has to be created
  ring::ClusterShape shape;          // of the cluster, if it has to be created
  std::uint32_t initial_nodes = 1;   // partitions are placed when so many nodes were admitted
  std::vector<std::string> addresses;  // of the coordinators; published in the map
  bool trust_refused = true;  // a refused connection proves that the process is gone (PROTOCOL.md section 6)
  bool balance_primaries = true;  // primaries drift back to where the target placement wants them
  BrokenRule broken = BrokenRule::none;  // of tests only
};

// Between attempts to reach a cluster store that failed.
inline constexpr Duration kStoreRetry = std::chrono::milliseconds(500);
// So long after its start a coordinator reads the store once more: what an earlier process asked for may have landed
// since.
inline constexpr Duration kStoreLook = std::chrono::seconds(2);
// Beyond, a join is answered `busy`.
inline constexpr std::size_t kJoinsWaitingMax = 2 * std::size_t{limits::kNodesMax};
// Beyond, what an operator asks for is answered `busy`.
inline constexpr std::size_t kOperatorRequestsMax = 64;

// One machine for each coordinator process, owned by its event loop. It starts with what the store held; with nothing,
// it creates the cluster first.
//
// Changes are made in rounds: all that waits (joins, what operators and primaries ask, elections that are decided,
// steps of moves) is judged against one copy of the state, which is swapped into the store; answers wait for the swap.
// A round begins in take_effects(), so that what came in one turn shares one. What others are shown is only what the
// store has confirmed; what a new map changes is pushed to all nodes that are up.
//
// Where the set of nodes that hold data has changed, and operators have not switched that off, the same round makes the
// target placement that follows from it; the rebalancer then leads there step by step.
//
//   idle --something to change--> swapping --ok--> idle        idle --kStoreLook after the start--> loading
//                                 swapping --somebody else was first--> loading --ok--> idle
//                                 swapping, loading --store failed--> retrying --kStoreRetry--> loading
//
// A node that knows a newer map than the store shows that the store has lost changes (or that another coordinator made
// some): the store is read again, and while it stays behind nothing is changed.
//
// INVARIANT 1: at most one SwapState or LoadState is unanswered.
// INVARIANT 2: the epoch of the confirmed state never goes back; neither does a term or a version in it.
// INVARIANT 3: every token is answered exactly once.
class Coordinator {
 public:
  Coordinator(CoordinatorConfig config, std::optional<ClusterState> stored, Instant now);

  void on_join(Instant now, AnswerToken token, const messages::JoinRequest& join);
  void on_heartbeat(Instant now, AnswerToken token, const messages::HeartbeatRequest& heartbeat);
  void on_map(Instant now, AnswerToken token, const messages::MapRequest& request);
  void on_status(Instant now, AnswerToken token, const messages::StatusRequest& request);
  // Answered once all is swapped in, or after kPromotionPatience.
  void on_promote(Instant now, AnswerToken token, const messages::PromoteRequest& request);
  // Answered at once, from what is known.
  void on_plan(Instant now, AnswerToken token);
  void on_moves(Instant now, AnswerToken token);
  // Answered once it is swapped in.
  using OperatorRequest = std::variant<messages::ApplyRequest, messages::ClusterSetRequest, messages::NodeSetRequest>;
  void on_operator(Instant now, AnswerToken token, OperatorRequest request);
  // One of the above. Any other request is answered `invalid_argument` (events are kept by the host).
  void on_request(Instant now, AnswerToken token, const messages::RequestBody& body);

  // A one-way message of a node: PollAnswer, SealAnswer, SetInSync, HandedOver, PeerDown, Promises, Leaving, Accounted,
  // LoadReport, Retired, NodeEvent. Others are ignored, and so is what comes from a process that is not the one
  // admitted last.
  void on_message(Instant now, const messages::Sender& from, messages::Message message);
  // The node's connection to this coordinator broke: it may be dead.
  void on_connection_lost(Instant now, const NodeId& node);
  // `refused`: nobody listens at the address. False: it answered, or nothing is known.
  void on_probed(Instant now, const NodeId& node, Incarnation incarnation, bool refused);

  void on_swapped(Instant now, const Result<void>& outcome);
  void on_loaded(Instant now, Result<std::optional<ClusterState>> outcome);

  void on_deadline(Instant now);
  // When on_deadline() wants to be called; never later than a heartbeat interval from the last event.
  Instant next_deadline() const;

  // Call after each event, or after all events of a turn.
  std::vector<CoordinatorEffect> take_effects();
  void check_invariants() const;

  // The newest map the store has confirmed; null until the cluster is created.
  ring::ClusterMapPtr map() const;
  // Why no change can be made now; ok: joins are served.
  Result<void> ready() const;

 private:
  struct WaitingJoin {
    AnswerToken token;
    messages::JoinRequest request;
  };
  // A join that the round's state contains.
  struct AcceptedJoin {
    AnswerToken token;
    messages::JoinRequest request;
    Admission admission;
  };
  struct WaitingOperator {
    AnswerToken token;
    OperatorRequest request;
  };
  // What is found to be due when one looks around.
  struct Due {
    std::vector<MembershipChange> memberships;
    std::vector<Rebalancer::Step> steps;

    bool empty() const { return memberships.empty() && steps.empty(); }
  };
  // What one swap contains.
  struct Round {
    std::vector<AcceptedJoin> joins;
    std::vector<WaitingOperator> operators;
    std::vector<CoordinatorEvent> events;  // that it makes true
    std::vector<Choice> choices;
    std::set<PartitionId> handed_over;
    bool places = false;  // the first placement is part of it
  };

  struct Idle {};
  struct Swapping {
    ClusterStatePtr proposed;
    Round round;
  };
  struct Loading {};
  struct Retrying {
    Instant at;
  };
  using Phase = std::variant<Idle, Swapping, Loading, Retrying>;

  // Rounds and the store.
  void begin_round();
  Due look_around();
  bool still_holds(const NodeId& node, Instant since) const;
  bool has_work(const std::vector<Choice>& choices, const Due& due) const;
  std::vector<AcceptedJoin> admit_waiting(ClusterState& next);
  std::vector<Choice> apply_choices(std::vector<Choice> choices, ClusterState& next) const;
  void change_as_asked(ClusterState& next, Round& round);
  Result<void> change_as_asked(const OperatorRequest& request, ClusterState& next, Round& round) const;
  // The new target that follows from other changes of `next`. `returned`: nodes that are back.
  void plan_again(const std::vector<NodeId>& returned, ClusterState& next, Round& round) const;
  void create_cluster();
  void propose(ClusterState next, Round round);
  void confirm(ClusterStatePtr state, const Round& round);
  void push_map();
  void forget_removed(const ring::ClusterMap& before);
  void finish(const Round& round);
  void finish_join(const AcceptedJoin& join);
  void refuse_waiting(const Error& why);
  void load_state();
  void on_store_failure(const Error& error);
  // Some node knows a newer map.
  bool store_is_behind() const { return confirmed_ && newest_heard_ > confirmed_->map.epoch; }
  // A change that begins now can be expected to get into the store.
  bool store_works() const;

  // Nodes.
  void wake(Instant now);
  void mark_heard(const NodeId& node);
  // A node says that it knows a map of this epoch.
  void note_epoch(Epoch known, const NodeId& node);
  void probe(const NodeId& node);
  void suspect_primaries();
  void on_report(const messages::Sender& from, const messages::PeerDown& report);
  void pass_on(const NodeId& node, const messages::NodeEvent& event);
  bool exists(PartitionId partition) const { return partition.value() < confirmed_->map.entries.size(); }
  View view() const { return {now_, *confirmed_, liveness_, config_.broken}; }
  const Timing& timing() const { return confirmed_ ? confirmed_->map.shape.timing : config_.shape.timing; }

  void answer(AnswerToken token, messages::ResponseBody body);
  void refuse(AnswerToken token, const NodeId& node, Error why);
  void event(CoordinatorEvent::Kind kind, NodeId node = {}, std::string detail = {});

  CoordinatorConfig config_;
  ClusterStatePtr confirmed_;
  Phase phase_;
  Instant now_;  // of the last event
  Instant tick_at_;  // the next look at everything
  Instant store_look_at_;  // for once
  Liveness liveness_;
  Elections elections_;
  HandOvers hand_overs_;
  EntryRequests entry_requests_;
  OperatorPromotions operator_promotions_;
  Rebalancer rebalancer_;
  MoveTracker moves_;
  Planner planner_;
  LoadTable loads_;
  ring::MapHistory history_;
  std::map<NodeId, Instant> unneeded_since_;  // nodes that are to leave the cluster, and that nobody counts on any more
  bool look_due_ = true;  // time has passed, or the state is another: something may be due
  std::vector<WaitingJoin> waiting_;
  std::vector<WaitingOperator> operators_;
  std::map<NodeId, Epoch> known_;  // the newest map that each node has said it knows
  std::map<NodeId, std::string> refusals_;  // why a node was refused last: those who ask again get no new event
  std::map<NodeId, Instant> lost_;  // nodes whose connection broke then, and that were not heard since
  std::map<NodeId, Instant> probed_at_;
  Epoch newest_heard_;  // of any map a node of this cluster said it knows
  EventGroups events_;
  std::vector<CoordinatorEffect> effects_;
};

}  // namespace gyre::control
