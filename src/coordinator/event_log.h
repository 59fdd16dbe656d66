// What happened in the cluster, in order, for `gyre events`: the newest in memory, all of them in files.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>

#include "gyre/result.h"
#include "messages/request.h"

namespace gyre::coordinator {

// Lines of JSON in `events.jsonl`; when that holds kEventsKeptMax it becomes `events.1.jsonl`, the one before that is
// removed. Not synced: events explain, nothing depends on them. So a line that is none (the process died, or the disk
// was full) is passed over, and counted.
//
// THREAD: one; but write() on another.
class EventLog {
 public:
  // ERRORS: storage_failed.
  static Result<EventLog> open(std::filesystem::path directory);

  // Gives the event its id.
  const messages::ClusterEvent& add(messages::ClusterEvent event);
  // The lines of what was added since the last call, for write().
  std::string take_unwritten();
  // Appends such lines to the file. Blocks. ERRORS: storage_failed (they may be missing).
  Result<void> write(const std::string& lines);
  // Lines that were no events when the files were read.
  std::size_t passed_over() const { return passed_over_; }
  // Those behind `after`, a page.
  messages::EventsResponse page(std::uint64_t after) const;

 private:
  explicit EventLog(std::filesystem::path directory) : directory_(std::move(directory)) {}

  Result<void> load(const std::filesystem::path& file);
  Result<void> rotate();

  std::filesystem::path directory_;
  std::deque<messages::ClusterEvent> events_;  // at most kEventsKeptMax
  std::uint64_t last_id_ = 0;
  std::string unwritten_;
  std::size_t passed_over_ = 0;
  std::size_t in_file_ = 0;  // write()'s
  bool torn_ = false;        // the file may end within a line; write()'s
};

}  // namespace gyre::coordinator
