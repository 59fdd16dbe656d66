// tidy [ROOT]: holds a source tree against the rules of the house. Exit code: 0 clean, 1 findings, 2 usage.
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "tools/tidy/allow.h"
#include "tools/tidy/rules.h"

namespace gyre::tidy {
namespace {

constexpr std::string_view kAllowList = "tools/tidy/allow.txt";

Result<std::vector<Finding>> check(const std::filesystem::path& root, std::size_t& files) {
  GYRE_TRY_SET(const Tree tree, load_tree(root));
  files = tree.files.size();
  const File* list = tree.find(kAllowList);
  GYRE_TRY_SET(const auto exceptions, parse_allow_list(list == nullptr ? std::string_view() : list->text));
  return apply_allow_list(exceptions, check_all(tree), kAllowList);
}

int run(int argc, char** argv) {
  const std::string_view argument = argc > 1 ? argv[1] : ".";
  if (argc > 2 || argument.starts_with('-')) {
    fmt::print(
        "usage: tidy [ROOT]\nHolds the source tree at ROOT (default: here) against the rules of the house;\n"
        "exceptions, each with its reason, are in {}.\n",
        kAllowList);
    return argument == "--help" ? 0 : 2;
  }
  std::size_t files = 0;
  const auto found = check(argument, files);
  if (!found) {
    fmt::print(stderr, "tidy: {}\n", found.error().message);
    return 2;
  }
  for (const auto& finding : *found) {
    fmt::print("{}:{}: [{}] {}\n", finding.path, finding.line, finding.rule, finding.message);
  }
  fmt::print("tidy: {} files, {} findings\n", files, found->size());
  return found->empty() ? 0 : 1;
}

}  // namespace
}  // namespace gyre::tidy

int main(int argc, char** argv) { return gyre::tidy::run(argc, argv); }
