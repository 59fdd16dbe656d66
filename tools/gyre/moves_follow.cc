#include "tools/gyre/moves_follow.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include <fmt/format.h>

#include "tools/gyre/interrupt.h"
#include "tools/gyre/moves_view.h"
#include "tools/gyre/progress.h"
#include "tools/gyre/render.h"
#include "tools/gyre/terminal.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;
using messages::MovesResponse;

constexpr auto kAskEvery = 250ms;
constexpr auto kJsonEvery = 1s;
constexpr std::size_t kRowsBesideMoves = 8;  // of a block

constexpr const char* kSilence = "no coordinator answers; the moves go on when it is back";

std::size_t moves_that_fit() {
  const std::size_t rows = terminal_size(stdout).rows;
  return rows > 2 * kRowsBesideMoves ? rows - kRowsBesideMoves : kRowsBesideMoves;
}

}  // namespace

bool MovesDisplay::due(Clock::duration every) {
  const auto now = Clock::now();
  if (shown_ != Clock::time_point{} && now - shown_ < every) return false;
  shown_ = now;
  return true;
}

void MovesDisplay::draw_block(const std::string& text) {
  const std::size_t columns = terminal_size(stdout).columns;
  std::string drawing = block_lines_ > 0 ? fmt::format("\033[{}A\r", block_lines_) : "";
  block_lines_ = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    drawing += text.substr(at, std::min(end - at, columns - 1)) + kClearToEndOfLine + "\n";
    ++block_lines_;
    at = end + 1;
  }
  drawing += "\033[J";
  std::fwrite(drawing.data(), 1, drawing.size(), stdout);
  std::fflush(stdout);
}

void MovesDisplay::draw_line(const std::string& text) {
  if (stderr_is_terminal()) {
    fmt::print(stderr, "\r{}{}", text.substr(0, terminal_size(stderr).columns - 1), kClearToEndOfLine);
    line_begun_ = true;
  } else if (due(kLineEvery)) {
    fmt::print(stderr, "{}\n", text);
  }
  std::fflush(stderr);
}

void MovesDisplay::show(const MovesResponse& moves) {
  switch (form_) {
    case Form::none: return;
    case Form::line: return draw_line(progress_line(moves));
    case Form::block: return draw_block(moves_text(moves, moves_that_fit()));
    case Form::json:
      if (due(kJsonEvery) || moves.moves.empty()) print_json(moves_json(moves));
      std::fflush(stdout);
      return;
  }
}

void MovesDisplay::show_silence() {
  if (form_ == Form::line) draw_line(kSilence);
  if (form_ == Form::block) draw_block(std::string(kSilence) + "\n");
}

void MovesDisplay::finish() {
  if (line_begun_) std::fputc('\n', stderr);
  line_begun_ = false;
}

MovesDisplay::Form waiting_form(const Context& context) {
  return context.quiet || context.json ? MovesDisplay::Form::none : MovesDisplay::Form::line;
}

bool nothing_moves(const MovesResponse& moves) { return moves.moves.empty(); }

Result<MovesResponse> follow_moves(const Context& context, const ClusterSource& source, MovesDisplay::Form form,
                                   const std::function<bool(const MovesResponse&)>& done) {
  const InterruptGuard guard;
  MovesDisplay display(form);
  while (!interrupted() && !std::ferror(stdout)) {
    auto moves = ask_coordinator_for<MovesResponse>(source, messages::MovesRequest{}, context.deadline);
    if (!moves && moves.error().code == ErrorCode::unsupported) return moves;
    if (moves) {
      display.show(*moves);
      if (done(*moves)) {
        display.finish();
        return moves;
      }
    } else {
      display.show_silence();
    }
    std::this_thread::sleep_for(kAskEvery);
  }
  display.finish();
  return fail(ErrorCode::unavailable, "interrupted; the moves go on: `gyre rebalance status -f` follows them");
}

Aftermath aftermath_of(const MovesResponse& moves) {
  Aftermath after;
  after.moves = moves.moves.size();
  after.bytes = moves.bytes_total - std::min(moves.bytes_done, moves.bytes_total);
  if (after.moves == 0) {
    after.sentence = moves.policy.automatic
                         ? "Nothing has to move."
                         : "The cluster does not rebalance by itself (--auto off): `gyre rebalance plan` shows what "
                           "would move.";
    return after;
  }
  after.sentence = fmt::format("{} open, {}: `gyre rebalance status -f` follows.",
                               counted(after.moves, "move is", "moves are"), bytes_text(after.bytes));
  if (moves.policy.paused) after.sentence += " Moves are paused: `gyre rebalance resume` lets them begin.";
  return after;
}

Result<Aftermath> see_aftermath(const Context& context, const ClusterSource& source, bool wait) {
  GYRE_TRY_SET(const auto moves,
               ask_coordinator_for<MovesResponse>(source, messages::MovesRequest{}, context.deadline));
  Aftermath after = aftermath_of(moves);
  if (!wait || after.moves == 0) return after;
  if (!context.json && !context.quiet) print_line(after.sentence);
  std::fflush(stdout);
  GYRE_TRY(follow_moves(context, source, waiting_form(context), nothing_moves));
  after.sentence = "All has moved.";
  return after;
}

}  // namespace gyre::cli
