// From the command line, the environment and a configuration file to a role and its options.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/options.h"
#include "gyre/result.h"
#include "node/options.h"
#include "router/options.h"

namespace gyre::daemon {

// Something to print and be done: help, the version, the effective configuration.
struct Print {
  std::string text;
};
using Invocation = std::variant<Print, node::NodeOptions, coordinator::CoordinatorOptions, router::RouterOptions>;

// The value of an environment variable; null: not set.
using Environment = std::function<const char*(const char*)>;

// A flag goes before an environment variable, that before the file, that before the default.
// `arguments`: without the program's name. ERRORS: invalid_argument, one sentence that says what to do.
Result<Invocation> read_command_line(const std::vector<std::string>& arguments, const Environment& environment);

}  // namespace gyre::daemon
