// What leaves a host unasked: messages to other nodes and to the coordinator.
#pragma once

#include <map>
#include <vector>

#include "runtime/host_context.h"

namespace gyre::runtime {

// The answers of one turn to the coordinator leave as one message. What nobody acknowledges is repeated every heartbeat
// interval, until the map shows its effect.
class Outbox {
 public:
  explicit Outbox(HostContext& context) : context_(context) {}

  // To another node. Bulk data is dropped while too much waits to leave for it: the machine sends it again.
  void send(replication::Send effect);
  void tell_coordinator(messages::Message message);

  // A process refuses connections: the coordinator is told until the map knows, or the process is heard again.
  void on_refused(const NodeId& node, Incarnation incarnation);
  void on_heard(const messages::Sender& from);
  // Repeats what has to be repeated.
  void on_tick();
  void end_turn();

 private:
  void tell_refused();
  void tell_of_partitions();

  HostContext& context_;
  messages::PollAnswer poll_answer_;
  messages::SealAnswer seal_answer_;
  std::map<NodeId, Incarnation> refused_;
  Instant next_repeat_;
};

}  // namespace gyre::runtime
