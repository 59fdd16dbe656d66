// What the parts of one partition's machine share.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "messages/request.h"
#include "replication/config.h"
#include "replication/effect.h"
#include "replication/grants.h"
#include "replication/journal.h"
#include "replication/lost_ids.h"
#include "replication/partition_clock.h"
#include "replication/view.h"
#include "replication/waits.h"

namespace gyre::replication {

struct Context {
  Context(PartitionConfig who, messages::PartitionState stored, std::vector<messages::WindowWrite> window,
          const std::vector<messages::LostId>& lost)
      : config(std::move(who)),
        clock(stored.time, config.broken),
        running(*config.running),
        lost_ids(lost, config.started),
        journal(std::move(stored), std::move(window), config.broken) {}

  bool broken(BrokenRule rule) const { return config.broken == rule; }
  void send(const NodeId& to, messages::Message message) { effects.push_back(Send{to, std::move(message)}); }
  void tell_coordinator(messages::Message message) { effects.push_back(TellCoordinator{std::move(message)}); }
  void tell_event(messages::NodeEvent::Kind kind, Term term, std::uint64_t count = 0, std::string detail = {}) {
    tell_coordinator(messages::NodeEvent{kind, config.id, term, count, std::move(detail)});
  }
  // As Journal::drop_uncommitted.
  void drop_uncommitted() {
    const Sequence assigned = journal.assigned();
    journal.drop_uncommitted();
    lost_ids.on_given_up(journal.assigned(), assigned);
  }
  void take_in(std::vector<Effect> more) {
    effects.insert(effects.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }

  const PartitionConfig config;
  PartitionClock clock;
  const RunningClock& running;
  LostIds lost_ids;
  Journal journal;
  Waits waits;
  TaskIds tasks;
  std::vector<Effect> effects;
  // None before the first map.
  std::optional<View> view;
  std::optional<Grants> grants;
  // A record cannot be read back, so nothing of this copy is trusted until a snapshot has taken its place.
  bool damaged = false;
};

}  // namespace gyre::replication
