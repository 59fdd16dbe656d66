// Waiting for moves, and showing meanwhile how far they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "tools/gyre/cluster_source.h"

namespace gyre::cli {

// How far the moves are, told again and again.
class MovesDisplay {
 public:
  enum class Form : std::uint8_t {
    none,  // nothing is shown
    line,  // standard error: one line drawn over itself on a terminal, else a line every few seconds
    block,  // standard output, a terminal: all that moves, drawn over itself
    json,  // standard output: one object a line, every second
  };
  explicit MovesDisplay(Form form) : form_(form) {}

  void show(const messages::MovesResponse& moves);
  // In place of it while the coordinator is away.
  void show_silence();
  // Ends what is drawn over itself.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  // True if it is time for the next one of lines that stay.
  bool due(Clock::duration every);
  void draw_block(const std::string& text);
  void draw_line(const std::string& text);

  Form form_;
  Clock::time_point shown_ = {};
  std::size_t block_lines_ = 0;
  bool line_begun_ = false;
};

// Below a change: `line`, unless nobody would read it.
MovesDisplay::Form waiting_form(const Context& context);

// Asks until `done`; the coordinator may be away meanwhile. Gives the last answer.
// ERRORS: unavailable (interrupted: says that the moves go on).
Result<messages::MovesResponse> follow_moves(const Context& context, const ClusterSource& source,
                                             MovesDisplay::Form form,
                                             const std::function<bool(const messages::MovesResponse&)>& done);
bool nothing_moves(const messages::MovesResponse& moves);

// After a change of the cluster: what it set in motion.
struct Aftermath {
  std::size_t moves = 0;
  std::uint64_t bytes = 0;
  std::string sentence;  // says so, and how to go on
};
// Pure.
Aftermath aftermath_of(const messages::MovesResponse& moves);
// Asks for it and, if told to, waits until nothing moves any more. ERRORS: as ask_coordinator_for and follow_moves.
Result<Aftermath> see_aftermath(const Context& context, const ClusterSource& source, bool wait);

}  // namespace gyre::cli
