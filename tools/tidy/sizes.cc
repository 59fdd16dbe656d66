#include <fmt/format.h>

#include "tools/tidy/code.h"
#include "tools/tidy/rules.h"

namespace gyre::tidy {
namespace {

constexpr std::size_t kSourceLinesMax = 600;
constexpr std::size_t kHeaderLinesMax = 300;
constexpr std::size_t kTestLinesMax = 900;
constexpr std::size_t kFunctionLinesMax = 70;
constexpr std::size_t kTestFunctionLinesMax = 120;
constexpr std::size_t kWidthMax = 120;

// Characters, not bytes: bytes that continue a UTF-8 sequence are not counted.
std::size_t width_of(const std::string& line) {
  std::size_t width = 0;
  for (const char c : line) width += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return width;
}

bool has_width_limit(const File& file) {
  const auto extension = file.extension();
  return file.is_code() || extension == ".capnp" || extension == ".md" || extension == ".sh" || extension == ".cmake" ||
         file.name() == "CMakeLists.txt" || file.text.starts_with("#!");
}

// A table row or a link cannot be broken.
bool is_unbreakable(const File& file, const std::string& line) {
  return file.extension() == ".md" && (line.starts_with('|') || line.find("](") != std::string::npos);
}

}  // namespace

std::vector<Finding> check_sizes(const Tree& tree) {
  std::vector<Finding> found;
  for (const auto& file : tree.files) {
    if (has_width_limit(file)) {
      for (std::size_t i = 0; i < file.lines.size(); ++i) {
        const auto width = width_of(file.lines[i]);
        if (width <= kWidthMax || is_unbreakable(file, file.lines[i])) continue;
        found.push_back({file.path, i + 1, "width", fmt::format("{} columns; {} fit", width, kWidthMax)});
      }
    }
    if (!file.is_code()) continue;

    const bool is_test = file.is_in("tests");
    const auto lines_max = is_test ? kTestLinesMax : file.extension() == ".h" ? kHeaderLinesMax : kSourceLinesMax;
    if (file.lines.size() > lines_max) {
      found.push_back({file.path, 0, "size",
                       fmt::format("{} lines; at most {}: split it by collaborators", file.lines.size(), lines_max)});
    }
    const auto function_max = is_test ? kTestFunctionLinesMax : kFunctionLinesMax;
    for (const auto& function : functions_of(file.text)) {
      if (function.length() <= function_max) continue;
      found.push_back({file.path, function.first_line, "size",
                       fmt::format("a function of {} lines; at most {}", function.length(), function_max)});
    }
  }
  return found;
}

}  // namespace gyre::tidy
