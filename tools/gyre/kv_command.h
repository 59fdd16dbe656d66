// What the commands on single keys share.
#pragma once

#include <cstdio>
#include <string>

#include "tools/gyre/command.h"

namespace gyre::cli {

inline constexpr const char* kKvGroup = "Keys and values";

// Runs `body(Client&)`, which gives an exit code, once the cluster is found.
template <class Body>
void with_client(Context& context, Body body) {
  auto client = shared_client(context);
  context.exit_code = client ? body(**client) : report(context, client.error());
}

// Where a value on the command line comes from.
struct ValueSource {
  std::string text;  // "-": standard input
  std::string file;
  CLI::Option* text_option = nullptr;

  // Adds the positional VALUE and the option --file.
  void add_to(CLI::App& command);
  // ERRORS: invalid_argument (none or both given, or the file cannot be read).
  Result<std::string> read(const Context& context) const;
};

// All bytes of `file`. ERRORS: invalid_argument, naming it `name`.
Result<std::string> read_all(std::FILE* file, const std::string& name);

void add_read_commands(CLI::App& app, Context& context);   // get mget ttl scan where
void add_write_commands(CLI::App& app, Context& context);  // put del cas incr expire persist

}  // namespace gyre::cli
