// What is said about a command line that makes no sense.
#pragma once

#include "tools/gyre/command.h"

namespace gyre::cli {

// Says what is wrong, with the nearest right name, and gives the exit code. REQUIRES: `app` has just parsed the line.
int report_usage(const CLI::App& app, const Context& context, const CLI::ParseError& error);

}  // namespace gyre::cli
