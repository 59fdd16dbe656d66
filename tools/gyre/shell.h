// The interactive shell's inside, apart from the terminal.
#pragma once

#include <string_view>

#include "tools/gyre/command.h"

namespace gyre::cli {

// Runs one line; its exit code is in context.exit_code. False: the line asked to leave.
bool run_shell_line(Context& context, std::string_view line);

}  // namespace gyre::cli
