#include "tools/tidy/allow.h"

#include <sstream>
#include <utility>

#include <fmt/format.h>

namespace gyre::tidy {
namespace {

bool covers(const Exception& exception, const Finding& finding) {
  if (exception.rule != finding.rule) return false;
  return exception.path.ends_with('/') ? finding.path.starts_with(exception.path) : finding.path == exception.path;
}

}  // namespace

Result<std::vector<Exception>> parse_allow_list(std::string_view text) {
  std::vector<Exception> exceptions;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line);
    Exception exception;
    std::string reason;
    if (!(words >> exception.rule) || exception.rule.starts_with('#')) continue;
    if (!(words >> exception.path >> reason)) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("line {} of the allow-list must be RULE PATH REASON, with a reason", number));
    }
    exception.line = number;
    exceptions.push_back(std::move(exception));
  }
  return exceptions;
}

std::vector<Finding> apply_allow_list(const std::vector<Exception>& exceptions, std::vector<Finding> found,
                                      std::string_view list_path) {
  std::vector<bool> used(exceptions.size(), false);
  std::erase_if(found, [&](const Finding& finding) {
    for (std::size_t i = 0; i < exceptions.size(); ++i) {
      if (!covers(exceptions[i], finding)) continue;
      used[i] = true;
      return true;
    }
    return false;
  });
  for (std::size_t i = 0; i < exceptions.size(); ++i) {
    if (used[i]) continue;
    found.push_back({std::string(list_path), exceptions[i].line, "allow-list",
                     fmt::format("{} no longer breaks {}: remove the line", exceptions[i].path, exceptions[i].rule)});
  }
  return found;
}

}  // namespace gyre::tidy
