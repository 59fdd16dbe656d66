// Group commit: what all machines have pending becomes one batch of the engine; one sync serves all that wait for it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/host_context.h"

namespace gyre::runtime {

class Commits {
 public:
  explicit Commits(HostContext& context) : context_(context) {}

  // Commits what these machines have pending and reports it, unless it waits for a sync. Touches all it concerned.
  void commit(std::span<Machine* const> machines);
  // Starts the sync that somebody waits for. One at a time; it covers everything committed before it.
  void end_turn();
  // Starts a sync where every second has one.
  void on_second();
  // Machines whose commit was refused try again in a new turn.
  void retry_refused();

 private:
  struct Handed {
    Machine* machine;
    std::uint64_t id;
    bool synced;  // to be reported only after a sync
  };

  void on_committed(std::vector<Handed> handed);
  void report(const std::vector<Handed>& handed);
  void start_sync();

  HostContext& context_;
  std::vector<Machine*> refused_;  // by the last commit
  std::vector<Handed> unsynced_;   // committed, wait for a sync that has not begun
  bool syncing_ = false;
  bool sync_due_ = false;  // something was committed since the last sync began
};

}  // namespace gyre::runtime
