// "Did you mean ...?"
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gyre::cli {

// How many insertions, deletions, replacements and swaps of neighbours turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate nearest to `wrong`; empty if none is near (more than a third of it would have to change).
std::string nearest(std::string_view wrong, const std::vector<std::string>& candidates);

}  // namespace gyre::cli
