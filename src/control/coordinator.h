// The coordinator machine: decides on every change of the cluster map.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/broken_rule.h"
#include "base/ids.h"
#include "base/time.h"
#include "control/admission.h"
#include "control/cluster_store.h"
#include "control/liveness.h"
#include "gyre/result.h"
#include "messages/request.h"

namespace gyre::control {

// The host's name for a request that is to be answered, exactly once.
using AnswerToken = Id<struct AnswerTokenTag, std::uint64_t>;
using ClusterStatePtr = std::shared_ptr<const ClusterState>;

struct CoordinatorConfig {
  ClusterId new_cluster;             // the id of the cluster, if it has to be created
  ring::ClusterShape shape;          // of the cluster, if it has to be created
  std::uint32_t initial_nodes = 1;   // partitions are placed when so many nodes were admitted
  std::vector<std::string> addresses;  // of the coordinators; published in the map
  bool trust_refused = true;  // a refused connection proves that the process is gone (PROTOCOL.md section 6)
  bool balance_primaries = true;  // primaries drift back to where the target placement wants them
  BrokenRule broken = BrokenRule::none;  // of tests only
};

// What happened, for logs and the event log.
struct CoordinatorEvent {
  enum class Kind : std::uint8_t {
    cluster_created,
    partitions_placed,
    node_admitted,
    node_rejoined,
    node_updated,
    node_refused,
    node_up,
    node_down,
    store_failed,  // `detail`: what the cluster store said
    store_behind,  // a node knows a newer map than the cluster store has; nothing is changed until it catches up
  };
  Kind kind;
  NodeId node;  // empty where no node is concerned
  std::string detail;
};

// Name of a kind as it appears in logs, e.g. "node_admitted".
std::string_view to_string(CoordinatorEvent::Kind kind);

// Ask the cluster store to replace its state; tell the outcome to on_swapped().
struct SwapState {
  Epoch expected;
  ClusterStatePtr state;
};
// Read the cluster store; tell the outcome to on_loaded().
struct LoadState {};
struct Answer {
  AnswerToken token;
  messages::ResponseBody body;
};
// Send to this node, if it is connected; may be lost.
struct SendToNode {
  NodeId node;
  messages::Message message;
};
// Try to connect to the node's native address, and tell on_probed().
struct Probe {
  NodeId node;
  Incarnation incarnation;
  std::string address;
};
using CoordinatorEffect = std::variant<SwapState, LoadState, Answer, SendToNode, Probe, CoordinatorEvent>;

// One machine for each coordinator process, owned by its event loop. It starts with what the store held; with nothing,
// it creates the cluster first.
//
// Changes are made in rounds: all joins that wait are applied to a copy of the state, which is swapped into the store;
// their answers wait for the swap. What others are shown is only what the store has confirmed.
//
//   idle --joins wait--> swapping --ok--> idle
//                        swapping --somebody else was first--> loading --ok--> idle
//                        swapping, loading --store failed--> retrying --kStoreRetry--> loading
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
  // Any other request is answered `invalid_argument`.
  void on_request(Instant now, AnswerToken token, const messages::RequestBody& body);

  // A one-way message of a node: PollAnswer, SealAnswer, SetInSync, HandedOver, PeerDown, Promises, Leaving, Accounted,
  // NodeEvent. Others are ignored.
  void on_message(Instant now, const messages::Sender& from, messages::Message message);
  // `refused`: nobody listens at the address. False: it answered, or nothing is known.
  void on_probed(Instant now, const NodeId& node, Incarnation incarnation, bool refused);

  void on_swapped(Instant now, const Result<void>& outcome);
  void on_loaded(Instant now, Result<std::optional<ClusterState>> outcome);

  void on_deadline(Instant now);
  // When on_deadline() wants to be called; kNever: only after another event.
  Instant next_deadline() const;

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

  struct Idle {};
  struct Swapping {
    ClusterStatePtr proposed;
    std::vector<AcceptedJoin> joins;
    bool places = false;  // the first placement is part of it
  };
  struct Loading {};
  struct Retrying {
    Instant at;
  };
  using Phase = std::variant<Idle, Swapping, Loading, Retrying>;

  void begin_round(Instant now);
  void create_cluster();
  void propose(ClusterState next, std::vector<AcceptedJoin> joins, bool places);
  void confirm(ClusterStatePtr state);
  void finish_join(Instant now, const AcceptedJoin& join);
  void load_state();
  void on_store_failure(Instant now, const Error& error);
  void mark_heard(Instant now, const NodeId& node);
  // A node says that it knows a map of this epoch.
  void note_epoch(Epoch known, const NodeId& node);
  // Some node knows a newer map.
  bool store_is_behind() const { return confirmed_ && newest_heard_ > confirmed_->map.epoch; }
  ring::ClusterMapPtr map_if_newer(Epoch known) const;
  void answer(AnswerToken token, messages::ResponseBody body);
  void refuse(AnswerToken token, const NodeId& node, Error why);
  void event(CoordinatorEvent::Kind kind, NodeId node = {}, std::string detail = {});

  CoordinatorConfig config_;
  ClusterStatePtr confirmed_;
  Phase phase_;
  Liveness liveness_;
  std::vector<WaitingJoin> waiting_;
  std::map<NodeId, std::string> refusals_;  // why a node was refused last: those who ask again get no new event
  Epoch newest_heard_;  // of any map a node of this cluster said it knows
  std::vector<CoordinatorEffect> effects_;
};

}  // namespace gyre::control
