#include "tools/gyre/watch_view.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "tools/gyre/canvas.h"
#include "tools/gyre/event_text.h"
#include "tools/gyre/moves_view.h"
#include "tools/gyre/plan_view.h"
#include "tools/gyre/progress.h"
#include "tools/gyre/watch_ring.h"

namespace gyre::cli {
namespace {

using messages::MoveStatus;

constexpr std::size_t kHeadRows = 3;
constexpr std::size_t kStripRowsMax = 4;
constexpr std::size_t kLowRows = 20;  // below, the ring gets less room
constexpr TerminalSize kWide{110, 30};  // from here on things stand beside each other
constexpr std::size_t kCircleRowsMin = 12;
constexpr std::size_t kCircleRowsMax = 27;

constexpr std::int16_t kGreen = 77;
constexpr std::int16_t kYellow = 220;
constexpr std::int16_t kRed = 203;
constexpr Style kTitle{.bold = true};
constexpr Style kFaint{.dim = true};

Style style_of(Tone tone) {
  switch (tone) {
    case Tone::good: return {.ink = kGreen};
    case Tone::warning: return {.ink = kYellow};
    case Tone::bad: return {.ink = kRed, .bold = true};
    case Tone::plain: return {};
  }
  return {};
}

Tone tone_of_state(const std::string& state) {
  if (state == "up") return Tone::good;
  return state == "down" || state == "away" || state == "unreachable" ? Tone::bad : Tone::warning;
}

std::string latency_text(std::uint32_t us) {
  if (us == 0) return "-";
  return us < 1000 ? fmt::format("{} us", us) : fmt::format("{:.1f} ms", us / 1000.0);
}

// "── title ─────────": fills the row.
void put_title(Canvas& canvas, const Area& area, std::string_view title) {
  std::size_t column = canvas.put(area, 0, 0, "── ", kFaint);
  column = canvas.put(area, 0, column, title, kTitle);
  column = canvas.put(area, 0, column, " ", kFaint);
  while (column < area.columns) column = canvas.put(area, 0, column, "─", kFaint);
}

// --- Head ---

std::uint32_t worst_p99(const WatchState& state) {
  std::uint32_t worst = 0;
  for (const WatchNode& node : state.nodes) worst = std::max(worst, node.load ? node.load->p99_us : 0);
  return worst;
}

std::int64_t worst_lag(const WatchState& state) {
  std::int64_t worst = -1;
  for (const WatchNode& node : state.nodes) worst = std::max(worst, node.lag_ms);
  return worst;
}

void draw_first_row(Canvas& canvas, const Area& area, const WatchState& state) {
  const std::string front =
      fmt::format(" Gyre {}  epoch {}  {} of {} nodes up  {} partitions x {}", state.cluster.substr(0, 8), state.epoch,
                  state.nodes_up(), state.nodes.size(), state.partitions.size(), state.replication_factor);
  canvas.put(area, 0, 0, front, kTitle);
  if (area.columns > state.clock.size()) {
    canvas.put(area, 0, area.columns - state.clock.size() - 1, " " + state.clock, kFaint);
  }
}

void draw_second_row(Canvas& canvas, const Area& area, const WatchState& state) {
  constexpr std::size_t kChartGap = 3;
  if (!state.coordinator) {
    canvas.put(area, 1, 1, "no coordinator answers: reads and writes go on, load is not known",
               style_of(Tone::warning));
    return;
  }
  const std::int64_t lag = worst_lag(state);
  const std::string text = fmt::format(" {} reads/s   {} writes/s   p99 {}   lag {}",
                                       short_number(state.reads_per_second()), short_number(state.writes_per_second()),
                                       latency_text(worst_p99(state)), lag < 0 ? "-" : fmt::format("{} ms", lag));
  const std::size_t column = canvas.put(area, 1, 0, text) + kChartGap;
  if (column + 1 < area.columns) {
    canvas.put(area, 1, column, sparkline(state.history, area.columns - column - 1), {.ink = kGreen});
  }
}

// Where faults are injected, in so many columns if it can be; empty: nowhere.
std::string faults_text(const WatchState& state, std::size_t columns) {
  std::string where;
  std::size_t count = 0;
  for (const WatchNode& node : state.nodes) {
    if (node.faults == 0) continue;
    where += fmt::format(" {} ({})", node.id, node.faults);
    count += node.faults;
  }
  if (where.empty()) return {};
  for (const std::string_view front : {"network faults on:", "faults on:"}) {
    if (front.size() + width_of(where) <= columns) return fmt::format("{}{}", front, where);
  }
  return counted(count, "network fault", "network faults");
}

void draw_health(Canvas& canvas, const Area& area, const WatchState& state) {
  std::size_t column = 1;
  const auto say = [&](std::string_view text, Tone tone) {
    column = canvas.put(area, 2, column, text, style_of(tone)) + 3;
  };
  if (const auto count = state.without_primary(); count > 0) {
    say(fmt::format("{} without a primary", with_commas(count)), Tone::bad);
  }
  if (state.not_serving > 0) say(fmt::format("{} not serving", with_commas(state.not_serving)), Tone::bad);
  if (const auto count = state.under_replicated(); count > 0) {
    say(fmt::format("{} under-replicated", with_commas(count)), Tone::warning);
  }
  if (column == 1 && !state.partitions.empty()) {
    say(fmt::format("every partition is served and has {}", counted(state.replication_factor, "copy", "copies")),
        Tone::good);
  }
  const std::string faults = faults_text(state, area.columns - std::min(area.columns, column));
  if (!faults.empty()) say(faults, Tone::warning);
}

void draw_head(Canvas& canvas, const Area& area, const WatchState& state) {
  draw_first_row(canvas, area, state);
  draw_second_row(canvas, area, state);
  draw_health(canvas, area, state);
}

// --- Sections ---

std::string ring_title(const WatchState& state, std::size_t partitions_a_cell, bool colours) {
  std::string text = "ring";
  if (partitions_a_cell > 1) text += fmt::format(", {} partitions a cell", partitions_a_cell);
  return state.partitions.empty() ? text : fmt::format("{}: {}", text, ring_legend(colours));
}

void draw_strip_section(Canvas& canvas, const Area& area, const WatchState& state, const StripShape& shape,
                        bool colours) {
  if (area.rows == 0) return;
  put_title(canvas, area, ring_title(state, shape.partitions_a_cell, colours));
  Area strip = area.below(1);
  strip.column += 1;
  strip.columns -= std::min<std::size_t>(1, strip.columns);
  draw_strip(canvas, strip, state, shape, colours);
}

// In the middle of the circle, where there is room: what it is.
void put_centred(Canvas& canvas, const Area& area, std::size_t row, const std::string& text, Style style) {
  const std::size_t columns = 2 * area.rows;
  if (width_of(text) < columns) canvas.put(area, row, (columns - width_of(text)) / 2, text, style);
}

void draw_circle_section(Canvas& canvas, const Area& area, const WatchState& state, bool colours) {
  const Area circle = area.below(1);
  draw_circle(canvas, circle, state, colours);
  const std::size_t middle = circle.rows / 2;
  put_centred(canvas, circle, middle - 2, fmt::format("{} partitions", state.partitions.size()), kTitle);
  if (!state.coordinator) return;
  put_centred(canvas, circle, middle, fmt::format("{} reads/s", short_number(state.reads_per_second())), {});
  put_centred(canvas, circle, middle + 1, fmt::format("{} writes/s", short_number(state.writes_per_second())), {});
}

void draw_node(Canvas& canvas, const Area& area, std::size_t row, const WatchState& state, std::size_t index,
               bool colours) {
  const WatchNode& node = state.nodes[index];
  const std::string mark = colours ? "■" : std::string(1, node_letter(index));
  canvas.put(area, row, 1, mark, {.ink = node_colour(index)});
  canvas.put(area, row, 3, fmt::format("{:<8.8}", node.id), kTitle);
  canvas.put(area, row, 12, fmt::format("{:<11.11}", node.state), style_of(tone_of_state(node.state)));
  const auto& load = node.load;
  const double operations = load ? load->reads_per_second + load->writes_per_second : 0;
  canvas.put(area, row, 24,
             fmt::format("{:<5.5}{:>5}{:>6}{:>6} {:>9} {:>6} {:>7} {:>6}", node.zone.empty() ? "-" : node.zone,
                         node.primaries, node.replicas, node.learners, load ? bytes_text(load->bytes) : "-",
                         load ? short_number(operations) : "-", load ? latency_text(load->p99_us) : "-",
                         node.lag_ms < 0 ? "-" : fmt::format("{}ms", node.lag_ms)));
}

void draw_nodes(Canvas& canvas, const Area& area, const WatchState& state, bool colours) {
  if (area.rows == 0) return;
  canvas.put(area, 0, 3,
             fmt::format("{:<8} {:<11} {:<5}{:>5}{:>6}{:>6} {:>9} {:>6} {:>7} {:>6}", "NODE", "STATE", "ZONE", "PRIM",
                         "REPL", "LEARN", "BYTES", "OPS/S", "P99", "LAG"),
             kTitle);
  const Area table = area.below(1);
  const bool all_fit = state.nodes.size() <= table.rows;
  const std::size_t shown = all_fit || table.rows == 0 ? std::min(state.nodes.size(), table.rows) : table.rows - 1;
  for (std::size_t i = 0; i < shown; ++i) draw_node(canvas, table, i, state, i, colours);
  if (!all_fit) canvas.put(table, shown, 3, fmt::format("... and {} more", state.nodes.size() - shown), kFaint);
}

std::string moves_title(const WatchState& state) {
  if (!state.moves || state.moves->moves.empty()) return "nothing moves";
  const auto& moves = *state.moves;
  std::string text =
      fmt::format("moves {}/{} {} {:.0f}% {} of {}, {}/s", moves.moves_done, moves.moves_total,
                  bar_of(done_fraction(moves), kBarWidth), done_fraction(moves) * 100, bytes_text(moves.bytes_done),
                  bytes_text(moves.bytes_total), human_bytes(moves.bytes_per_second));
  if (moves.policy.paused) return text + ", paused";
  if (const auto left = time_left(moves)) {
    text += fmt::format(", {} left", minutes_text(static_cast<std::uint64_t>(left->count())));
  }
  return text;
}

std::vector<const MoveStatus*> in_flight(const WatchState& state) {
  std::vector<const MoveStatus*> list;
  if (!state.moves) return list;
  for (const MoveStatus& move : state.moves->moves) {
    if (move.stage != MoveStatus::Stage::waiting) list.push_back(&move);
  }
  return list;
}

void draw_move(Canvas& canvas, const Area& area, std::size_t row, const MoveStatus& move) {
  const std::size_t column = canvas.put(area, row, 1,
                                        fmt::format("p{:<5} {:<14} {:<12} ", move.partition.value(),
                                                    way_text(move.from, move.to), to_string(move.stage)));
  if (move.stage != MoveStatus::Stage::copying) return;
  const double done = move.bytes_total == 0
                          ? 0
                          : std::min(1.0, static_cast<double>(move.bytes_done) / static_cast<double>(move.bytes_total));
  const std::size_t behind = canvas.put(area, row, column, bar_of(done, kBarWidth), {.ink = kGreen});
  canvas.put(
      area, row, behind,
      fmt::format(" {:>3.0f}%  {} of {}", done * 100, bytes_text(move.bytes_done), bytes_text(move.bytes_total)));
}

void draw_moves(Canvas& canvas, const Area& area, const WatchState& state) {
  if (area.rows == 0) return;
  put_title(canvas, area, moves_title(state));
  const Area table = area.below(1);
  const auto moving = in_flight(state);
  const bool all_fit = moving.size() <= table.rows;
  const std::size_t shown = all_fit || table.rows == 0 ? std::min(moving.size(), table.rows) : table.rows - 1;
  for (std::size_t i = 0; i < shown; ++i) draw_move(canvas, table, i, *moving[i]);
  if (!all_fit) canvas.put(table, shown, 1, fmt::format("... and {} more in flight", moving.size() - shown), kFaint);
}

// The newest first: what is cut off is old.
void draw_events(Canvas& canvas, const Area& area, const WatchState& state) {
  constexpr std::size_t kClockWidth = 8;  // without milliseconds
  if (area.rows == 0) return;
  put_title(canvas, area, "events");
  const Area list = area.below(1);
  for (std::size_t i = 0; i < std::min(list.rows, state.events.size()); ++i) {
    const auto& event = state.events[state.events.size() - 1 - i];
    std::size_t column = canvas.put(list, i, 1, clock_text(event.time).substr(0, kClockWidth), kFaint) + 1;
    column = canvas.put(list, i, column, fmt::format("{:<16}", event.kind), style_of(tone_of_event(event.kind))) + 1;
    column = canvas.put(list, i, column, fmt::format("{:<3} ", event.node.empty() ? "-" : event.node.str()));
    canvas.put(list, i, column, event.detail);
  }
}

// --- Frames ---

void draw_stacked(Canvas& canvas, const Area& area, const WatchState& state, bool colours) {
  const std::size_t strip_rows = area.rows < kLowRows ? 1 : kStripRowsMax;
  const StripShape shape =
      strip_shape(state.partitions.size(), area.columns - std::min<std::size_t>(2, area.columns), strip_rows);
  const bool moving = state.moves && !state.moves->moves.empty();
  const StackedRows rows = share_rows(area.rows, shape.rows, state.nodes.size(),
                                      moving ? std::max<std::size_t>(1, in_flight(state).size()) : 0);
  Area rest = area;
  const auto take = [&rest](std::size_t count) {
    Area taken = rest;
    taken.rows = std::min(count, rest.rows);
    rest = rest.below(count);
    return taken;
  };
  draw_strip_section(canvas, take(rows.ring), state, shape, colours);
  draw_nodes(canvas, take(rows.nodes), state, colours);
  if (moving) draw_moves(canvas, take(rows.moves), state);
  draw_events(canvas, take(rows.events), state);
}

void draw_wide(Canvas& canvas, const Area& area, const WatchState& state, bool colours) {
  constexpr std::size_t kGap = 2;
  const std::size_t circle_rows = std::clamp(area.rows * 45 / 100, kCircleRowsMin, kCircleRowsMax);
  const std::size_t upper_rows = circle_rows + 1;
  const Area upper{area.row, area.column, upper_rows, area.columns};
  put_title(canvas, upper, ring_title(state, 1, colours));
  Area left = upper;
  left.column += 1;
  left.columns = 2 * circle_rows;
  draw_circle_section(canvas, left, state, colours);
  Area right = upper.below(1);
  right.column += left.columns + kGap;
  right.columns -= std::min(right.columns, left.columns + kGap);
  draw_nodes(canvas, right, state, colours);

  const Area lower = area.below(upper_rows);
  Area moves = lower, events = lower;
  moves.columns = lower.columns / 2 - 1;
  events.column += lower.columns / 2;
  events.columns = lower.columns - lower.columns / 2;
  draw_moves(canvas, moves, state);
  draw_events(canvas, events, state);
}

}  // namespace

StackedRows share_rows(std::size_t rows, std::size_t strip_rows, std::size_t nodes, std::size_t in_flight) {
  constexpr std::size_t kShownMin = 3;  // of nodes, of moves
  constexpr std::size_t kEventsMin = 3;  // title included
  StackedRows shared;
  std::size_t left = rows;
  const auto take = [&left](std::size_t count) {
    const std::size_t taken = std::min(count, left);
    left -= taken;
    return taken;
  };
  const std::size_t moves_wanted = in_flight == 0 ? 0 : 1 + in_flight;
  const std::size_t moves_min = std::min(moves_wanted, 1 + kShownMin);
  const std::size_t nodes_min = 1 + std::min(nodes, kShownMin);
  if (rows >= nodes_min + moves_min + kEventsMin + 1 + strip_rows) shared.ring = take(1 + strip_rows);
  const std::size_t reserved = moves_min + kEventsMin;
  shared.nodes = take(std::min(1 + nodes, std::max(nodes_min, left > reserved ? left - reserved : 0)));
  shared.moves = take(std::min(moves_wanted, std::max(moves_min, left / 2)));
  shared.events = left;
  return shared;
}

std::string sparkline(const std::vector<double>& values, std::size_t width) {
  constexpr std::array<std::string_view, 8> kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::size_t shown = std::min(values.size(), width);
  const auto first = values.end() - static_cast<std::ptrdiff_t>(shown);
  const double highest = shown == 0 ? 0 : *std::max_element(first, values.end());
  std::string text;
  for (auto value = first; value != values.end(); ++value) {
    const double part = highest > 0 ? std::clamp(*value / highest, 0.0, 1.0) : 0;
    text += kBars[static_cast<std::size_t>(part * (kBars.size() - 1) + 0.5)];
  }
  return text;
}

std::vector<std::string> watch_frame(const WatchState& state, TerminalSize size, bool colours, bool keys) {
  Canvas canvas(size.columns, size.rows);
  const Area whole = canvas.whole();
  draw_head(canvas, whole, state);
  const Area body = whole.below(kHeadRows);
  if (size.columns >= kWide.columns && size.rows >= kWide.rows) {
    draw_wide(canvas, body, state, colours);
  } else {
    draw_stacked(canvas, body, state, colours);
  }
  constexpr std::string_view kKeys = " q quits ";
  if (keys && size.columns > kKeys.size() && size.rows > kHeadRows + 1) {
    canvas.put(whole, size.rows - 1, size.columns - kKeys.size(), kKeys, kFaint);
  }
  return canvas.lines(colours);
}

}  // namespace gyre::cli
