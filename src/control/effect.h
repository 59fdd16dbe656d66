// What the coordinator machine asks of its host, and what it tells people.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/ids.h"
#include "control/cluster_store.h"
#include "messages/request.h"

namespace gyre::control {

// The host's name for a request that is to be answered, exactly once.
using AnswerToken = Id<struct AnswerTokenTag, std::uint64_t>;
using ClusterStatePtr = std::shared_ptr<const ClusterState>;

// What happened, for logs and the event log. What concerns many partitions for one reason is one event.
struct CoordinatorEvent {
  enum class Kind : std::uint8_t {
    // The cluster and its nodes.
    cluster_created,
    partitions_placed,
    node_admitted,
    node_rejoined,
    node_updated,
    node_refused,
    node_up,
    node_down,
    node_dead,     // its port refuses connections: a proof
    node_leaving,  // it stops in good order
    node_away,      // silent for too long: it is being replaced
    node_returned,  // an away node takes part again
    node_draining,  // it gives away what it has
    node_removed,   // it has nothing more, and is no node of the cluster any more
    settings_changed,
    store_failed,  // `detail`: what the cluster store said
    store_behind,  // a node knows a newer map than the cluster store has; nothing is changed until it catches up
    // Promotion.
    suspected,        // `node`, a primary, seems gone: its members are asked
    poll_alive,       // nothing happened: a member hears the primary
    sealed,           // members were asked to promise a new term
    promoted,         // `node` is primary in place of another
    appointed_again,  // `node` stays primary, in a new term
    handed_over,      // `node` took over from a primary that gave up its term for it
    no_candidate,     // nobody may be promoted; `detail` says what an operator can do
    in_sync_changed,
    // Moves.
    rebalance_planned,  // there is a new target
    rebalance_done,     // everything is where the target wants it
    member_added,       // `node` gets a copy
    member_removed,     // `node` is no member any more
    // Said by nodes.
    serving,
    stopped,
    rewound,
    lost_writes,
    snapshot,
    caught_up,
    storage_failed,
    retired,  // a copy that is no member's any more was deleted
  };
  Kind kind;
  NodeId node;         // empty where no node is concerned
  std::string detail;  // a sentence
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

}  // namespace gyre::control
