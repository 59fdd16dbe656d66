// A rectangle of characters with colours, that becomes lines of text. Pure: knows no terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gyre::cli {

struct Style {
  static constexpr std::int16_t kDefault = -1;
  std::int16_t ink = kDefault;  // 0 to 255, as terminals of 256 colours number them
  std::int16_t ground = kDefault;
  bool bold = false;
  bool dim = false;

  bool operator==(const Style&) const = default;
};

// A part of a canvas: what is drawn into it beyond its edges is cut off.
struct Area {
  std::size_t row = 0;
  std::size_t column = 0;
  std::size_t rows = 0;
  std::size_t columns = 0;

  // What is left below its first `taken` rows.
  Area below(std::size_t taken) const;
};

class Canvas {
 public:
  Canvas(std::size_t columns, std::size_t rows);

  Area whole() const { return {0, 0, rows_, columns_}; }
  // Draws UTF-8 text into a row of `area`, each character one column wide; what is no printable character becomes '?'.
  // Gives the column (of the area) behind it.
  std::size_t put(const Area& area, std::size_t row, std::size_t column, std::string_view text, Style style = {});

  // Row by row, without line ends and without blanks at the end. `colours`: with the escape sequences for them.
  std::vector<std::string> lines(bool colours) const;

 private:
  struct Cell {
    std::string character = " ";  // UTF-8
    Style style = {};
  };

  std::size_t columns_;
  std::size_t rows_;
  std::vector<Cell> cells_;  // row by row
};

// How many columns UTF-8 text takes.
std::size_t width_of(std::string_view text);

}  // namespace gyre::cli
