// The allow-list: breaches that were looked at and found right, each with its reason.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/tidy/tree.h"

namespace gyre::tidy {

struct Exception {
  std::string rule;
  std::string path;  // a file; with a '/' at its end everything below a folder
  std::size_t line = 0;  // of the list
};

// Each line: RULE PATH REASON. Empty lines and lines that begin with '#' say nothing.
// ERRORS: invalid_argument (a line without a reason).
Result<std::vector<Exception>> parse_allow_list(std::string_view text);

// What is left of `found`, and a finding for every exception that nothing needs any more.
std::vector<Finding> apply_allow_list(const std::vector<Exception>& exceptions, std::vector<Finding> found,
                                      std::string_view list_path);

}  // namespace gyre::tidy
