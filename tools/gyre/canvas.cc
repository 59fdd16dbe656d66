#include "tools/gyre/canvas.h"

#include <algorithm>

#include <fmt/format.h>

#include "tools/gyre/encoding.h"

namespace gyre::cli {
namespace {

// SOURCE: ECMA-48 SGR; 38;5;N and 48;5;N of xterm.
std::string sequence_of(const Style& style) {
  std::string text = "\033[0";
  if (style.bold) text += ";1";
  if (style.dim) text += ";2";
  if (style.ink != Style::kDefault) text += fmt::format(";38;5;{}", style.ink);
  if (style.ground != Style::kDefault) text += fmt::format(";48;5;{}", style.ground);
  return text + "m";
}

// The bytes of the character at the front of `text`, by its first byte; what is no UTF-8 counts byte by byte.
std::size_t length_of_first(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  return length <= text.size() && valid_utf8(text.substr(0, length)) ? length : 1;
}

bool printable_character(std::string_view character) {
  if (character.size() > 1) return valid_utf8(character);
  return character.front() >= ' ' && character.front() != 0x7F;
}

}  // namespace

Area Area::below(std::size_t taken) const {
  const std::size_t down = std::min(taken, rows);
  return {row + down, column, rows - down, columns};
}

Canvas::Canvas(std::size_t columns, std::size_t rows)
    : columns_(std::max<std::size_t>(columns, 1)), rows_(std::max<std::size_t>(rows, 1)), cells_(columns_ * rows_) {}

std::size_t Canvas::put(const Area& area, std::size_t row, std::size_t column, std::string_view text, Style style) {
  while (!text.empty()) {
    const std::size_t length = length_of_first(text);
    const std::string_view character = text.substr(0, length);
    text.remove_prefix(length);
    const bool inside =
        row < area.rows && column < area.columns && area.row + row < rows_ && area.column + column < columns_;
    if (inside) {
      Cell& cell = cells_[(area.row + row) * columns_ + area.column + column];
      cell.character = printable_character(character) ? character : "?";
      cell.style = style;
    }
    ++column;
  }
  return column;
}

std::vector<std::string> Canvas::lines(bool colours) const {
  std::vector<std::string> lines;
  for (std::size_t row = 0; row < rows_; ++row) {
    const Cell* const begin = &cells_[row * columns_];
    std::size_t used = columns_;
    const auto blank = [&](const Cell& cell) {
      return cell.character == " " && (!colours || cell.style.ground == Style::kDefault);
    };
    while (used > 0 && blank(begin[used - 1])) --used;
    std::string line;
    Style current;
    for (std::size_t column = 0; column < used; ++column) {
      const Cell& cell = begin[column];
      if (colours && cell.style != current) line += sequence_of(cell.style);
      current = cell.style;
      line += cell.character;
    }
    if (colours && current != Style{}) line += sequence_of({});
    lines.push_back(std::move(line));
  }
  return lines;
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace gyre::cli
