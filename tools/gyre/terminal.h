// The terminal in front of the person: how large it is, and all of it for a while.
#pragma once

#include <termios.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace gyre::cli {

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;

  bool operator==(const TerminalSize&) const = default;
};

// Of the terminal that `file` is; COLUMNS and LINES, else 80 x 24, where it is none.
TerminalSize terminal_size(std::FILE* file);

// While one exists: the terminal's other screen, without a cursor, and keys that come at once and are not shown. Its
// end leaves everything as it was. REQUIRES: standard output is a terminal. THREAD: one.
class FullScreen {
 public:
  FullScreen();
  ~FullScreen();
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;

  // Draws over what was there, without flicker. A line has no line end. False: the terminal is gone.
  bool draw(const std::vector<std::string>& lines);
  // The next key, if one is pressed within `limit`; returns early on a signal.
  std::optional<char> key(std::chrono::milliseconds limit);

 private:
  bool keys_ = false;  // standard input is a terminal
  termios before_ = {};
};

}  // namespace gyre::cli
