// What people write on a command line, as values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "gyre/types.h"

namespace gyre::cli {

// "500ms", "2s", "1.5m", "1h", "7d"; "0" needs no unit. At most a hundred years. ERRORS: invalid_argument.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// Bytes: "100", "4KiB", "4k" (1024), "4kB" (1000), likewise M and G. ERRORS: invalid_argument.
Result<std::uint64_t> parse_size(std::string_view text);

// "one", "2" to "7", "all". ERRORS: invalid_argument.
Result<Ack> parse_ack(std::string_view text);
// "linearizable", "primary", "session", "bounded:100ms", "any". ERRORS: invalid_argument.
Result<Read> parse_read(std::string_view text);

// "a,b, c" as its non-empty parts.
std::vector<std::string> split_list(std::string_view text);

// Options read with the functions above, and numbers that fit their type (CLI11 by itself cuts them off);
// `target` keeps its value where the option is not given.
CLI::Option* add_duration(CLI::App& app, const std::string& name, std::chrono::milliseconds& target,
                          const std::string& description);
CLI::Option* add_int64(CLI::App& app, const std::string& name, std::int64_t& target, const std::string& description);
CLI::Option* add_ack(CLI::App& app, Ack& target);    // --ack
CLI::Option* add_read(CLI::App& app, Read& target);  // --read
CLI::Option* add_size(CLI::App& app, const std::string& name, std::uint64_t& target, const std::string& description);

// An option that takes one of `choices`; help and completion show them.
CLI::Option* add_choice(CLI::App& app, const std::string& name, std::string& target,
                        const std::vector<std::string>& choices, const std::string& description);

}  // namespace gyre::cli
