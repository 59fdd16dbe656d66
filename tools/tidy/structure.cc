#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "tools/tidy/rules.h"

namespace gyre::tidy {
namespace {

using std::string_view;

constexpr std::array<string_view, 4> kBuiltFolders = {"src", "client", "tools", "tests"};
// The folders whose every child explains itself, like they do.
constexpr std::array<string_view, 5> kExplainedFolders = {"src", "client", "tools", "tests", "deploy"};
constexpr std::size_t kReadmeLinesMax = 20;

constexpr string_view kEnds = " \t\r\n()\";/";  // around a word of a CMakeLists.txt

string_view parent_of(string_view folder) {
  const auto slash = folder.rfind('/');
  return slash == string_view::npos ? string_view() : folder.substr(0, slash);
}

// True if `lists` has `name` as a word of its own, not as a part of a longer file name.
bool names(string_view lists, string_view name) {
  for (auto at = lists.find(name); at != string_view::npos; at = lists.find(name, at + 1)) {
    const auto end = at + name.size();
    if ((at == 0 || kEnds.find(lists[at - 1]) != string_view::npos) &&
        (end == lists.size() || kEnds.find(lists[end]) != string_view::npos)) {
      return true;
    }
  }
  return false;
}

std::string without_comments(const File& lists) {
  std::string text;
  for (const string_view line : lists.lines) text.append(line.substr(0, line.find('#'))).append("\n");
  return text;
}

// True if `lists` has a glob like *_bench.cc that matches `name`.
bool globs(string_view lists, string_view name) {
  for (auto at = lists.find('*'); at != string_view::npos; at = lists.find('*', at + 1)) {
    const auto suffix = lists.substr(at + 1, std::min(lists.find_first_of(kEnds, at), lists.size()) - at - 1);
    if (suffix.ends_with(".cc") && name.ends_with(suffix)) return true;
  }
  return false;
}

// Named by the CMakeLists.txt of its folder or of one above: by its path from there; or, beside it, by its stem
// alone, as a foreach over names does, or by a glob.
bool is_built(const Tree& tree, const File& source) {
  for (auto folder = source.folder(); !folder.empty(); folder = parent_of(folder)) {
    const File* lists = tree.find(fmt::format("{}/CMakeLists.txt", folder));
    if (lists == nullptr) continue;
    const auto text = without_comments(*lists);
    if (names(text, source.path.substr(folder.size() + 1))) return true;
    if (folder != source.folder()) continue;
    const auto stem = source.name().substr(0, source.name().size() - source.extension().size());
    if (names(text, stem) || globs(text, source.name())) return true;
  }
  return false;
}

std::set<std::string, std::less<>> stems_of_sources(const Tree& tree, string_view folder) {
  std::set<std::string, std::less<>> stems;
  for (const auto& file : tree.files) {
    const bool belongs = file.is_in(fmt::format("src/{}", folder)) || file.is_in(fmt::format("tools/{}", folder)) ||
                         (folder == "client" && (file.is_in("client") || file.is_in("include/gyre"))) ||
                         (folder == "base" && file.is_in("include/gyre")) ||
                         (folder == "cli" && file.is_in("tools/gyre"));
    if (belongs && file.is_code()) stems.emplace(file.name().substr(0, file.name().rfind('.')));
  }
  return stems;
}

// tests/unit/ring/placement_test.cc and placement_properties_test.cc mirror src/ring/placement.{h,cc}.
bool mirrors_a_source(const Tree& tree, const File& test) {
  const auto folder = test.folder().substr(std::string_view("tests/unit/").size());
  const auto stems = stems_of_sources(tree, folder);
  auto stem = test.name().substr(0, test.name().rfind("_test.cc"));
  for (;;) {
    if (stems.contains(stem)) return true;
    const auto underscore = stem.rfind('_');
    if (underscore == string_view::npos) return false;
    stem = stem.substr(0, underscore);
  }
}

void check_orphans(const Tree& tree, std::vector<Finding>& found) {
  for (const auto& file : tree.files) {
    if (file.extension() != ".cc") continue;
    const bool must_be_built =
        std::ranges::any_of(kBuiltFolders, [&](string_view folder) { return file.is_in(folder); });
    if (must_be_built && !is_built(tree, file)) {
      found.push_back({file.path, 0, "orphan-source", "no CMakeLists.txt names it"});
    }
    if (file.is_in("tests/unit") && file.path.ends_with("_test.cc") && !mirrors_a_source(tree, file)) {
      found.push_back({file.path, 0, "orphan-test", "no source of its folder has this name; rename or remove it"});
    }
  }
}

void check_readmes(const Tree& tree, std::vector<Finding>& found) {
  std::set<std::string> folders;
  for (const auto& file : tree.files) {
    for (const auto top : kExplainedFolders) {
      if (!file.is_in(top)) continue;
      folders.emplace(top);
      const auto slash = file.path.find('/', top.size() + 1);
      if (slash != std::string::npos) folders.insert(file.path.substr(0, slash));
    }
  }
  for (const auto& folder : folders) {
    const File* readme = tree.find(folder + "/README.md");
    if (readme == nullptr) {
      found.push_back({folder, 0, "readme", "no README.md: its purpose, what it must not know, where to start"});
    } else if (folder != "src" && readme->lines.size() > kReadmeLinesMax) {
      found.push_back(
          {readme->path, 0, "readme", fmt::format("{} lines; at most {}", readme->lines.size(), kReadmeLinesMax)});
    }
  }
}

}  // namespace

std::vector<Finding> check_structure(const Tree& tree) {
  std::vector<Finding> found;
  check_orphans(tree, found);
  check_readmes(tree, found);
  return found;
}

}  // namespace gyre::tidy
