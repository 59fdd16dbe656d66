#include "runtime/outbox.h"

#include <iterator>
#include <utility>

#include "base/limits.h"

namespace gyre::runtime {

namespace {

// Carries data of which there may be much, and is asked for or sent again.
bool bulk(const messages::Message& message) {
  if (const auto* append = std::get_if<messages::Append>(&message)) return !append->writes.empty();
  return std::holds_alternative<messages::SnapshotChunk>(message) ||
         std::holds_alternative<messages::FetchedKeys>(message) || std::holds_alternative<messages::FetchKeys>(message);
}

void count_sent(HostMetrics& metrics, const messages::Message& message) {
  if (const auto* append = std::get_if<messages::Append>(&message)) {
    metrics.appends_sent.add();
    metrics.writes_sent.add(append->writes.size());
  } else if (std::holds_alternative<messages::AppendAck>(message)) {
    metrics.acks_sent.add();
  } else if (const auto* chunk = std::get_if<messages::SnapshotChunk>(&message); chunk && chunk->last) {
    metrics.snapshots_sent.add();
  }
}

}  // namespace

void Outbox::send(replication::Send effect) {
  if (bulk(effect.message) && context_.environment.backlog(effect.to) > limits::kPeerBacklogBytesMax) {
    context_.metrics.sends_dropped.add();
    return;
  }
  count_sent(context_.metrics, effect.message);
  context_.environment.send(effect.to, std::move(effect.message));
}

void Outbox::tell_coordinator(messages::Message message) {
  if (auto* poll = std::get_if<messages::PollAnswer>(&message)) {
    poll_answer_.items.insert(poll_answer_.items.end(), poll->items.begin(), poll->items.end());
  } else if (auto* seal = std::get_if<messages::SealAnswer>(&message)) {
    seal_answer_.generation = seal->generation;
    seal_answer_.items.insert(seal_answer_.items.end(), seal->items.begin(), seal->items.end());
  } else {
    context_.environment.tell_coordinator(std::move(message));
  }
}

void Outbox::end_turn() {
  if (!poll_answer_.items.empty()) context_.environment.tell_coordinator(std::exchange(poll_answer_, {}));
  if (!seal_answer_.items.empty()) context_.environment.tell_coordinator(std::exchange(seal_answer_, {}));
}

void Outbox::on_refused(const NodeId& node, Incarnation incarnation) {
  Incarnation& last = refused_[node];
  if (incarnation <= last) return;
  last = incarnation;
  tell_coordinator(messages::PeerDown{node, incarnation, true});
}

void Outbox::on_heard(const messages::Sender& from) {
  const auto refused = refused_.find(from.node);
  if (refused != refused_.end() && from.incarnation >= refused->second) refused_.erase(refused);
}

void Outbox::on_tick() {
  const ring::ClusterMapPtr& map = context_.machines.map();
  const Instant now = context_.environment.now().steady;
  if (map == nullptr || now < next_repeat_) return;
  next_repeat_ = now + map->shape.timing.heartbeat;
  tell_refused();
  tell_of_partitions();
}

void Outbox::tell_refused() {
  std::erase_if(refused_, [&](const auto& refused) {
    const ring::NodeInfo* info = context_.machines.map()->find_node(refused.first);
    return info == nullptr || info->incarnation > refused.second;
  });
  for (const auto& [node, incarnation] : refused_) tell_coordinator(messages::PeerDown{node, incarnation, true});
}

// Open promises; and silent primaries, for a process may be heard by the coordinator, and one of its loops be stuck.
void Outbox::tell_of_partitions() {
  const replication::Moment now = context_.environment.now();
  messages::Promises promises;
  std::map<NodeId, messages::PeerDown> silent;
  const auto rests = context_.machines.rests();
  for (std::size_t i = 0; i < rests.size(); ++i) {
    if (!rests[i].repeats) continue;
    const replication::Partition& partition = context_.machines.all()[i]->partition;
    if (const auto term = partition.open_promise()) promises.partitions.push_back({partition.id(), *term});
    if (auto peer = partition.silent_primary(now)) silent.insert_or_assign(peer->peer, *peer);
  }
  if (!promises.partitions.empty()) tell_coordinator(std::move(promises));
  for (auto& [node, peer] : silent) {
    if (!refused_.contains(node)) tell_coordinator(std::move(peer));
  }
}

}  // namespace gyre::runtime
