#include "tools/gyre/watch_ring.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <numbers>

#include "base/assert.h"

namespace gyre::cli {
namespace {

using Mark = RingCell::Mark;

// Far from each other, readable on black and on white; no red, which says that something is wrong.
constexpr std::array<std::int16_t, 12> kNodeColours = {39, 208, 77, 170, 220, 105, 44, 144, 149, 137, 117, 250};
constexpr std::int16_t kBlack = 16;
constexpr std::int16_t kWhite = 231;
constexpr std::int16_t kRingRed = 196;
constexpr std::int16_t kGrey = 240;

constexpr double kRingInner = 0.70;  // of the outer radius

std::string_view mark_text(Mark mark) {
  switch (mark) {
    case Mark::none: return " ";
    case Mark::moves: return "•";
    case Mark::copies_missing: return "-";
    case Mark::unserved: return "!";
  }
  GYRE_ASSERT(false);
  return {};
}

std::int16_t colour_of(const RingCell& cell) {
  if (cell.mark == Mark::unserved) return kRingRed;
  return cell.primary ? node_colour(*cell.primary) : kGrey;
}

void put_cell(Canvas& canvas, const Area& area, std::size_t row, std::size_t column, const RingCell& cell,
              bool colours) {
  if (colours) {
    const std::int16_t ink = cell.mark == Mark::unserved ? kWhite : kBlack;
    canvas.put(area, row, column, mark_text(cell.mark), {.ink = ink, .ground = colour_of(cell), .bold = true});
    return;
  }
  std::string letter(1, cell.primary ? node_letter(*cell.primary) : '!');
  if (cell.mark == Mark::unserved) letter = "!";
  if (cell.mark == Mark::copies_missing && letter[0] >= 'A' && letter[0] <= 'Z') {
    letter[0] = static_cast<char>(letter[0] - 'A' + 'a');
  }
  canvas.put(area, row, column, letter);
}

// A circle in units of rows, around the middle of a square of `rows` rows; a column is half as wide as a row is high.
struct Circle {
  double radius;
  std::size_t partitions;

  // The partitions under a spot of half a column's breadth; none: it is outside the ring.
  std::optional<std::size_t> partition_at(double row, double column) const {
    const double x = column / 2 - radius;
    const double y = row - radius;
    const double distance = std::hypot(x, y);
    if (distance > radius || distance < radius * kRingInner) return std::nullopt;
    double turn = std::atan2(x, -y) / (2 * std::numbers::pi);  // from the top, clockwise
    if (turn < 0) turn += 1;
    return static_cast<std::size_t>(turn * static_cast<double>(partitions)) % partitions;
  }
  // Partitions that share a spot.
  std::size_t span() const {
    const double spots = 4 * std::numbers::pi * radius;  // around, a column apart
    return std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(partitions) / spots + 0.5));
  }
};

}  // namespace

RingCell ring_cell(const WatchState& state, std::size_t first, std::size_t count) {
  RingCell cell;
  std::map<std::size_t, std::size_t> votes;
  for (std::size_t i = 0; i < count; ++i) {
    const WatchPartition& partition = state.partitions[(first + i) % state.partitions.size()];
    if (partition.primary) ++votes[*partition.primary];
    const Mark mark = !partition.primary ? Mark::unserved
                      : !partition.whole ? Mark::copies_missing
                      : partition.moves  ? Mark::moves
                                         : Mark::none;
    cell.mark = std::max(cell.mark, mark);
  }
  const auto most = std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; });
  if (most != votes.end()) cell.primary = most->first;
  return cell;
}

std::int16_t node_colour(std::size_t node) { return kNodeColours[node % kNodeColours.size()]; }
char node_letter(std::size_t node) { return static_cast<char>('A' + node % 26); }

std::string_view ring_legend(bool colours) {
  return colours ? "- copies missing  • moves  ! nobody serves" : "small letter: copies missing  ! nobody serves";
}

StripShape strip_shape(std::size_t partitions, std::size_t columns, std::size_t rows_max) {
  StripShape shape;
  if (partitions == 0 || columns == 0 || rows_max == 0) return shape;
  shape.columns = std::bit_floor(columns);
  while (shape.columns * rows_max * shape.partitions_a_cell < partitions) shape.partitions_a_cell *= 2;
  const std::size_t cells = partitions / shape.partitions_a_cell;
  shape.rows = std::max<std::size_t>(1, (cells + shape.columns - 1) / shape.columns);
  return shape;
}

void draw_strip(Canvas& canvas, const Area& area, const WatchState& state, const StripShape& shape, bool colours) {
  const std::size_t partitions = state.partitions.size();
  if (partitions == 0 || shape.rows == 0) return;
  const std::size_t cells = shape.rows * shape.columns;
  for (std::size_t i = 0; i < cells; ++i) {
    // Where there are more cells than partitions, neighbours show the same one.
    const std::size_t first = cells > partitions ? i * partitions / cells : i * shape.partitions_a_cell;
    if (first >= partitions) break;
    put_cell(canvas, area, i / shape.columns, i % shape.columns, ring_cell(state, first, shape.partitions_a_cell),
             colours);
  }
}

void draw_circle(Canvas& canvas, const Area& area, const WatchState& state, bool colours) {
  if (state.partitions.empty() || area.rows == 0) return;
  const Circle circle{static_cast<double>(area.rows) / 2, state.partitions.size()};
  const auto cell_at = [&](double row, double column) -> std::optional<RingCell> {
    const auto first = circle.partition_at(row, column);
    if (!first) return std::nullopt;
    return ring_cell(state, *first, circle.span());
  };
  for (std::size_t row = 0; row < area.rows; ++row) {
    for (std::size_t column = 0; column < 2 * area.rows; ++column) {
      const double x = static_cast<double>(column) + 0.5;
      const auto y = static_cast<double>(row);
      const auto middle = cell_at(y + 0.5, x);
      if (!colours) {
        if (middle) put_cell(canvas, area, row, column, *middle, false);
        continue;
      }
      // Half blocks make the edge twice as fine; a mark needs a character of its own.
      const auto upper = cell_at(y + 0.25, x), lower = cell_at(y + 0.75, x);
      if (middle && middle->mark != Mark::none && upper && lower) {
        put_cell(canvas, area, row, column, *middle, true);
      } else if (upper && lower) {
        canvas.put(area, row, column, "▀", {.ink = colour_of(*upper), .ground = colour_of(*lower)});
      } else if (upper || lower) {
        canvas.put(area, row, column, upper ? "▀" : "▄", {.ink = colour_of(upper ? *upper : *lower)});
      }
    }
  }
}

}  // namespace gyre::cli
