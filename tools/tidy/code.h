// Just enough understanding of C++ for the rules: what is code and what is text, where functions begin and end.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gyre::tidy {

// The same text, line for line and column for column, with spaces for the contents of comments, strings and
// characters.
std::string blank_text(std::string_view source);

struct Include {
  std::size_t line = 0;  // from 1
  std::string path;
  bool angled = false;  // <path>, not "path"
};
std::vector<Include> includes_of(std::string_view source);

// A function defined at namespace or class scope, from the first line of its declaration to its closing brace.
struct FunctionSpan {
  std::size_t first_line = 0;  // from 1
  std::size_t last_line = 0;   // inclusive

  std::size_t length() const { return last_line - first_line + 1; }
};
std::vector<FunctionSpan> functions_of(std::string_view source);

// A whole word in code; comments and strings do not count.
struct Word {
  std::size_t line = 0;  // from 1
  std::string_view text;
  char next = 0;  // the first character behind it that is no space
};
// The words of text that blank_text() made, in order.
std::vector<Word> words_of(std::string_view blanked);

}  // namespace gyre::tidy
