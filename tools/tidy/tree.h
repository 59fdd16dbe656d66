// The files of a source tree, in memory, as the rules see them; and what a rule has to say.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "gyre/result.h"

namespace gyre::tidy {

struct File {
  std::string path;  // from the top of the tree, with '/'
  std::string text;
  std::vector<std::string> lines;  // of text, without line ends

  std::string_view folder() const;     // "src/ring" of "src/ring/slot.cc"; empty at the top
  std::string_view name() const;       // "slot.cc"
  std::string_view extension() const;  // ".cc"; empty: none
  bool is_code() const { return extension() == ".cc" || extension() == ".h"; }
  bool is_in(std::string_view parent) const;  // in this folder or below it
};

File make_file(std::string path, std::string text);

struct Tree {
  std::vector<File> files;  // ordered by path

  const File* find(std::string_view path) const;
};

// The file of this tree that an include in `from` means; null: none of ours.
const File* resolve(const Tree& tree, const File& from, std::string_view include);

// Reads every text file below `root`, but for hidden folders (other than .ci), build directories, node_modules and
// folders named "corpus". ERRORS: invalid_argument (not the top of a source tree), unavailable (a file cannot be read).
Result<Tree> load_tree(const std::filesystem::path& root);

struct Finding {
  std::string path;
  std::size_t line = 0;  // from 1; 0: the file as a whole
  std::string rule;
  std::string message;

  auto operator<=>(const Finding&) const = default;
};

}  // namespace gyre::tidy
