// The frames of `gyre cluster watch`: a state and a size go in, lines come out. Pure: knows no terminal and no clock.
#pragma once

#include <string>
#include <vector>

#include "tools/gyre/terminal.h"
#include "tools/gyre/watch_state.h"

namespace gyre::cli {

// `size.rows` lines, none wider than `size.columns`. Small frames stack everything; large ones (from 110 x 30 on) have
// the ring as a circle beside the nodes, and moves beside events. `keys`: say which keys there are.
std::vector<std::string> watch_frame(const WatchState& state, TerminalSize size, bool colours, bool keys);

// How the rows of a stacked frame are shared out, each with its title. Never more than there are.
struct StackedRows {
  std::size_t ring = 0;
  std::size_t nodes = 0;
  std::size_t moves = 0;
  std::size_t events = 0;

  bool operator==(const StackedRows&) const = default;
};
// `rows`: what is left for all four. `in_flight`: moves begun; none at all where nothing moves.
StackedRows share_rows(std::size_t rows, std::size_t strip_rows, std::size_t nodes, std::size_t in_flight);

// The last of `values` as a little chart of `width` characters at most: "▁▂▅█".
std::string sparkline(const std::vector<double>& values, std::size_t width);

}  // namespace gyre::cli
