#include "tools/tidy/rules.h"

#include <algorithm>

namespace gyre::tidy {

std::vector<Finding> check_all(const Tree& tree) {
  std::vector<Finding> all;
  for (const auto rule : {check_layers, check_includes, check_sizes, check_text, check_structure}) {
    auto found = rule(tree);
    all.insert(all.end(), found.begin(), found.end());
  }
  std::ranges::sort(all);
  return all;
}

}  // namespace gyre::tidy
