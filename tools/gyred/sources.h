// Where option values come from, in order of precedence.
#pragma once

#include <map>
#include <string>

#include "tools/gyred/command_line.h"
#include "tools/gyred/option_set.h"

namespace gyre::daemon {

// A value as it was written, and where: "--listen", "GYRE_LISTEN" or "gyred.toml: listen".
struct Given {
  std::string value;
  std::string where;
};
using GivenValues = std::map<std::string, Given>;  // by option name

// The file's keys are option names. ERRORS: invalid_argument (unreadable, no TOML, a key that is no option's name).
Result<GivenValues> read_file(const std::string& path, const OptionSet& options);
GivenValues read_environment(const Environment& environment, const OptionSet& options);

// Sets every option given. ERRORS: invalid_argument, naming where the value is from.
Result<void> set_options(const OptionSet& options, const GivenValues& values);

// All options as a configuration file that gives them their present values.
std::string to_toml(const OptionSet& options);

}  // namespace gyre::daemon
