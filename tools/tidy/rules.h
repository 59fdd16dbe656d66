// The rules of the house that a machine can check. Each looks at the whole tree and gives what breaks it.
#pragma once

#include <vector>

#include "tools/tidy/tree.h"

namespace gyre::tidy {

// layer: a folder includes only folders below it.
// library: third-party headers are included only where their library is at home.
// pure: the functional core names no clock, thread, lock, file, environment or random device.
std::vector<Finding> check_layers(const Tree& tree);

// include: headers have what they name of the standard library and of other folders, themselves or by headers of ours.
std::vector<Finding> check_includes(const Tree& tree);

// size: files and functions are short enough to be read in a sitting.
// width: lines fit a screen.
std::vector<Finding> check_sizes(const Tree& tree);

// space: no tabs, no space at the end of a line, a line end at the end of a file.
// unfinished: nothing says of itself that it is not done.
// private-path: nothing names a directory of one machine.
// sleep: nothing sleeps and hopes.
// pragma-once: headers begin so.
std::vector<Finding> check_text(const Tree& tree);

// orphan-source: every source is built by a CMakeLists.txt.
// orphan-test: every unit test has a source to mirror.
// readme: every folder says what it is, in at most 20 lines.
std::vector<Finding> check_structure(const Tree& tree);

// All of the above, ordered by path and line.
std::vector<Finding> check_all(const Tree& tree);

}  // namespace gyre::tidy
