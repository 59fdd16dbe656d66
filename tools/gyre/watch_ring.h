// The ring of a cluster as `gyre cluster watch` draws it: each partition in the colour of its primary. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tools/gyre/canvas.h"
#include "tools/gyre/watch_state.h"

namespace gyre::cli {

// What one character stands for: one partition, or several neighbours.
struct RingCell {
  enum class Mark : std::uint8_t { none, moves, copies_missing, unserved };
  std::optional<std::size_t> primary;  // of most of them
  Mark mark = Mark::none;  // the worst of any
};
// Of partitions [first, first + count), around the ring. REQUIRES: there are partitions; count > 0.
RingCell ring_cell(const WatchState& state, std::size_t first, std::size_t count);

// The colour, and the letter where there are no colours, that stands for the node of this index.
std::int16_t node_colour(std::size_t node);
char node_letter(std::size_t node);

// How the marks are drawn.
std::string_view ring_legend(bool colours);

// Rows of characters, the ring cut open; as many as fit into `columns`.
struct StripShape {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t partitions_a_cell = 1;  // at least; a partition may also take several cells
};
StripShape strip_shape(std::size_t partitions, std::size_t columns, std::size_t rows_max);
void draw_strip(Canvas& canvas, const Area& area, const WatchState& state, const StripShape& shape, bool colours);

// A circle that fills the area's rows; it takes two columns for each. Partition 0 begins at the top, clockwise.
void draw_circle(Canvas& canvas, const Area& area, const WatchState& state, bool colours);

}  // namespace gyre::cli
