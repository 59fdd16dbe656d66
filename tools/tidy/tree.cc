#include "tools/tidy/tree.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace gyre::tidy {
namespace {

namespace fs = std::filesystem;

bool is_skipped_folder(const fs::path& folder) {
  const std::string name = folder.filename().string();
  if (name.starts_with('.')) return name != ".ci";
  if (name == "node_modules" || name == "corpus" || name == "__pycache__") return true;
  return name.starts_with("build") || fs::exists(folder / "CMakeCache.txt");
}

}  // namespace

std::string_view File::folder() const {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string_view() : std::string_view(path).substr(0, slash);
}

std::string_view File::name() const { return std::string_view(path).substr(path.rfind('/') + 1); }

std::string_view File::extension() const {
  const auto file_name = name();
  const auto dot = file_name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view() : file_name.substr(dot);
}

bool File::is_in(std::string_view parent) const {
  return path.size() > parent.size() && path.starts_with(parent) && path[parent.size()] == '/';
}

File make_file(std::string path, std::string text) {
  File file{std::move(path), std::move(text), {}};
  for (std::size_t begin = 0; begin < file.text.size();) {
    const auto end = std::min(file.text.find('\n', begin), file.text.size());
    file.lines.push_back(file.text.substr(begin, end - begin));
    begin = end + 1;
  }
  return file;
}

const File* Tree::find(std::string_view path) const {
  const auto it = std::ranges::lower_bound(files, path, {}, &File::path);
  return it != files.end() && it->path == path ? &*it : nullptr;
}

const File* resolve(const Tree& tree, const File& from, std::string_view include) {
  const std::string candidates[] = {fmt::format("src/{}", include), fmt::format("include/{}", include),
                                    std::string(include), fmt::format("{}/{}", from.folder(), include)};
  for (const auto& candidate : candidates) {
    if (const File* file = tree.find(candidate)) return file;
  }
  return nullptr;
}

Result<Tree> load_tree(const fs::path& root) {
  if (!fs::exists(root / "CMakeLists.txt")) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is not the top of a source tree: it has no CMakeLists.txt", root.string()));
  }
  Tree tree;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    if (it->is_directory()) {
      if (is_skipped_folder(it->path())) it.disable_recursion_pending();
      continue;
    }
    if (!it->is_regular_file() || it->path() == root / ".git") continue;
    std::ifstream in(it->path(), std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (in.bad() || !in.is_open()) {
      return fail(ErrorCode::unavailable, fmt::format("cannot read {}", it->path().string()));
    }
    if (text.find('\0') != std::string::npos) continue;  // not text
    tree.files.push_back(make_file(it->path().lexically_relative(root).generic_string(), std::move(text)));
  }
  std::ranges::sort(tree.files, {}, &File::path);
  return tree;
}

}  // namespace gyre::tidy
