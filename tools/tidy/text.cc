#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include <fmt/format.h>

#include "tools/tidy/code.h"
#include "tools/tidy/rules.h"

namespace gyre::tidy {
namespace {

using std::string_view;

// Data may contain anything.
bool is_data(const File& file) {
  constexpr std::array<string_view, 5> kData = {".csv", ".tsv", ".jsonl", ".svg", ".trace"};
  return std::ranges::find(kData, file.extension()) != kData.end();
}

bool is_word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// True if `line` has `phrase` with no word character before or behind it.
bool has_phrase(string_view line, string_view phrase) {
  for (auto at = line.find(phrase); at != string_view::npos; at = line.find(phrase, at + 1)) {
    const auto end = at + phrase.size();
    const bool begins = at == 0 || !is_word_character(line[at - 1]);
    const bool ends = end == line.size() || !is_word_character(line[end]) || !is_word_character(phrase.back());
    if (begins && ends) return true;
  }
  return false;
}

void check_space(const File& file, std::vector<Finding>& found) {
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const string_view line = file.lines[i];
    if (line.find('\t') != string_view::npos) found.push_back({file.path, i + 1, "space", "a tab"});
    if (line.ends_with(' ') || line.ends_with('\r')) {
      found.push_back({file.path, i + 1, "space", "space at the end of the line"});
    }
  }
  if (!file.text.empty() && !file.text.ends_with('\n')) {
    found.push_back({file.path, file.lines.size(), "space", "no line end at the end of the file"});
  }
}

void check_words(const File& file, std::vector<Finding>& found) {
  constexpr std::array<string_view, 6> kUnfinished = {"TODO", "FIXME", "XXX", "HACK", "for now", "not implemented"};
  constexpr std::array<string_view, 3> kPrivatePaths = {"/home/", "/root/", "/work/"};
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    for (const auto word : kUnfinished) {
      if (!has_phrase(file.lines[i], word)) continue;
      found.push_back({file.path, i + 1, "unfinished", fmt::format("\"{}\": finish it, or open an issue", word)});
    }
    for (const auto path : kPrivatePaths) {
      if (!has_phrase(file.lines[i], path)) continue;
      found.push_back({file.path, i + 1, "private-path", fmt::format("\"{}\" exists on one machine only", path)});
    }
  }
}

void check_sleeps(const File& file, std::vector<Finding>& found) {
  constexpr std::array<string_view, 5> kSleeps = {"sleep_for", "sleep_until", "usleep", "nanosleep", "sleep"};
  const std::string code = blank_text(file.text);
  for (const auto& word : words_of(code)) {
    if (word.next != '(' || std::ranges::find(kSleeps, word.text) == kSleeps.end()) continue;
    found.push_back(
        {file.path, word.line, "sleep", fmt::format("{}: wait for the condition itself, with a deadline", word.text)});
  }
}

}  // namespace

std::vector<Finding> check_text(const Tree& tree) {
  std::vector<Finding> found;
  for (const auto& file : tree.files) {
    if (is_data(file) || file.name() == "LICENSE") continue;
    check_space(file, found);
    check_words(file, found);
    if (file.is_code() && !file.is_in("tools")) check_sleeps(file, found);
    if (file.extension() == ".h" && std::ranges::find(file.lines, "#pragma once") == file.lines.end()) {
      found.push_back({file.path, 0, "pragma-once", "a header without #pragma once"});
    }
  }
  return found;
}

}  // namespace gyre::tidy
