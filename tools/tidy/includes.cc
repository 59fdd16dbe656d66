// Whether headers have what they name of the standard library and of other folders: themselves, or by headers of ours.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "tools/tidy/code.h"
#include "tools/tidy/rules.h"

namespace gyre::tidy {
namespace {

using std::string_view;

// What headers name most, and where it is declared.
constexpr auto kHomes = std::to_array<std::pair<string_view, string_view>>({
    {"array", "array"},
    {"atomic", "atomic"},
    {"chrono", "chrono"},
    {"condition_variable", "condition_variable"},
    {"deque", "deque"},
    {"expected", "expected"},
    {"function", "functional"},
    {"future", "future"},
    {"int32_t", "cstdint"},
    {"int64_t", "cstdint"},
    {"lock_guard", "mutex"},
    {"map", "map"},
    {"move_only_function", "functional"},
    {"multimap", "map"},
    {"mutex", "mutex"},
    {"nullopt", "optional"},
    {"numeric_limits", "limits"},
    {"optional", "optional"},
    {"pair", "utility"},
    {"promise", "future"},
    {"set", "set"},
    {"shared_ptr", "memory"},
    {"span", "span"},
    {"string", "string"},
    {"string_view", "string_view"},
    {"thread", "thread"},
    {"uint16_t", "cstdint"},
    {"uint32_t", "cstdint"},
    {"uint64_t", "cstdint"},
    {"uint8_t", "cstdint"},
    {"unexpected", "expected"},
    {"unique_ptr", "memory"},
    {"unordered_map", "unordered_map"},
    {"unordered_set", "unordered_set"},
    {"variant", "variant"},
    {"vector", "vector"},
    {"visit", "variant"},
    {"weak_ptr", "memory"},
});
static_assert(std::ranges::is_sorted(kHomes, {}, &std::pair<string_view, string_view>::first));

// The standard declares the one with the other.
constexpr auto kComesWith = std::to_array<std::pair<string_view, string_view>>({
    {"string_view", "string"},
    {"utility", "map"},
    {"utility", "memory"},
    {"utility", "optional"},
    {"utility", "variant"},
    {"utility", "vector"},
});

// What is qualified with the name of a folder is declared there.
constexpr std::array<string_view, 15> kFolders = {"control", "coordinator", "messages", "net",         "node",
                                                  "observe", "redis",       "resp",     "replication", "ring",
                                                  "router",  "routing",     "runtime",  "storage",     "wire"};

class Seen {
 public:
  explicit Seen(const Tree& tree) : tree_(tree) {}

  void look_at(const File& file) {
    if (!files_.insert(file.path).second) return;
    for (const auto& include : includes_of(file.text)) {
      if (include.angled) headers_.insert(include.path);
      if (const File* ours = resolve(tree_, file, include.path)) look_at(*ours);
    }
  }

  bool has_of(string_view folder) const {
    return std::ranges::any_of(files_, [&](const std::string& path) { return path.starts_with(folder); });
  }

  bool has(string_view header) const {
    return headers_.contains(std::string(header)) || std::ranges::any_of(kComesWith, [&](const auto& pair) {
             return pair.first == header && headers_.contains(std::string(pair.second));
           });
  }

 private:
  const Tree& tree_;
  std::set<std::string> files_;
  std::set<std::string> headers_;
};

void check_header(const Tree& tree, const File& file, std::vector<Finding>& found) {
  Seen seen(tree);
  seen.look_at(file);
  const std::string code = blank_text(file.text);
  const auto words = words_of(code);
  std::set<string_view> told;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::size_t end = static_cast<std::size_t>(words[i].text.data() - code.data()) + words[i].text.size();
    if (!string_view(code).substr(end).starts_with("::")) continue;
    const bool is_ours = std::ranges::find(kFolders, words[i].text) != kFolders.end();
    if (is_ours && !file.is_in(fmt::format("src/{}", words[i].text)) &&
        !seen.has_of(fmt::format("src/{}/", words[i].text)) && told.insert(words[i].text).second) {
      found.push_back({file.path, words[i].line, "include",
                       fmt::format("{}:: without a header of src/{}", words[i].text, words[i].text)});
    }
    if (words[i].text != "std") continue;
    const auto* const home =
        std::ranges::lower_bound(kHomes, words[i + 1].text, {}, &std::pair<string_view, string_view>::first);
    if (home == kHomes.end() || home->first != words[i + 1].text || seen.has(home->second)) continue;
    if (!told.insert(home->second).second) continue;
    found.push_back(
        {file.path, words[i].line, "include",
         fmt::format("std::{} without <{}>, which no header included here has", home->first, home->second)});
  }
}

}  // namespace

std::vector<Finding> check_includes(const Tree& tree) {
  std::vector<Finding> found;
  for (const auto& file : tree.files) {
    if (file.extension() == ".h" && !file.is_in("tests")) check_header(tree, file, found);
  }
  return found;
}

}  // namespace gyre::tidy
