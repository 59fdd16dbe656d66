// Small trees for the tests of the rules.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "tools/tidy/tree.h"

namespace gyre::tidy {

inline Tree tree_of(std::initializer_list<std::pair<std::string, std::string>> files) {
  Tree tree;
  for (const auto& [path, text] : files) tree.files.push_back(make_file(path, text));
  std::ranges::sort(tree.files, {}, &File::path);
  return tree;
}

// "path:line rule" of each finding.
inline std::vector<std::string> places(const std::vector<Finding>& found) {
  std::vector<std::string> result;
  for (const auto& f : found) result.push_back(f.path + ":" + std::to_string(f.line) + " " + f.rule);
  return result;
}

inline std::string lines_of(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "// .\n";
  return text;
}

}  // namespace gyre::tidy
