// Completion scripts for bash, zsh and fish, derived from the commands and options themselves.
#pragma once

#include <string>
#include <vector>

#include "tools/gyre/command.h"

namespace gyre::cli {

// Names of the commands of `app` and of their long options.
std::vector<std::string> words_of(const CLI::App& app);

std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
std::string fish_completion(const CLI::App& app);

void add_completion_command(CLI::App& app, Context& context);

}  // namespace gyre::cli
