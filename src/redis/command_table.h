// The commands that are supported: how to call them, what they touch, what they mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "redis/arguments.h"
#include "redis/plan.h"
#include "redis/reply.h"

namespace gyre::redis {

// Redis's flags of a command, as far as they are used here.
enum CommandFlag : std::uint32_t {
  kReadonly = 1,
  kWrite = 2,
  kDenyoom = 4,
  kFast = 8,
  kLoading = 16,
  kStale = 32,
  kAdmin = 64,
  kNoscript = 128,
  kPubsub = 256,
  kNoAuth = 512,
};

enum class Group : std::uint8_t { string, generic, server, connection, transactions, cluster };
std::string_view to_string(Group group);

// Positions of keys among the arguments, counted from the name; a negative `last` counts from the end.
struct KeyPositions {
  int first = 0;  // 0: the command has no keys
  int last = 0;
  int step = 0;
  // What becomes of the keys, in the words of COMMAND INFO; the second is of the last key where it differs.
  std::string_view use = {};
  std::string_view use_of_last = {};
};

struct Call;
using Planner = Plan (*)(const Call&);

struct Command {
  std::string_view name;  // in lower case; of a subcommand: "object|encoding"
  int arity = 0;          // the number of arguments, with the name; -n: at least n
  std::uint32_t flags = 0;
  KeyPositions keys = {};
  Group group = Group::generic;
  std::string_view since = {};
  std::string_view summary = {};
  Planner plan = nullptr;  // null: the business of whoever holds the connection, or a container of subcommands

  bool is(CommandFlag flag) const { return (flags & flag) != 0; }
  bool takes(std::size_t arguments) const {
    const auto count = static_cast<std::int64_t>(arguments);
    return arity >= 0 ? count == arity : count >= -arity;
  }
  bool is_subcommand() const { return name.find('|') != std::string_view::npos; }
};

// What a planner gets. REQUIRES: the arity holds.
struct Call {
  const Command& command;
  const Arguments& arguments;
  const Context& context;
};

// In the order of their names, each container before its subcommands.
std::span<const Command> commands();
// Of a container; empty for other commands.
std::span<const Command> subcommands_of(const Command& command);
// By its full name, in any case. Null: there is none. Does not allocate.
const Command* find_command(std::string_view name);

// The command that the arguments call, a subcommand where there are some. Null: there is none; their number may be
// wrong.
const Command* find_called(const Arguments& arguments);

// The command that the arguments call, a subcommand where there are some; or Redis's words: unknown command, unknown
// subcommand, wrong number of arguments. REQUIRES: at least one argument.
Parsed<const Command*> resolve(const Arguments& arguments);

Reply wrong_arity(const Command& command);

// REQUIRES: the arguments are a call of `command` (see resolve).
std::vector<std::string_view> keys_of(const Command& command, const Arguments& arguments);
// Of all its keys; none where it has no keys. ERRORS: CROSSSLOT.
Parsed<std::optional<Slot>> slot_of_keys(const Command& command, const Arguments& arguments);

// The whole way from arguments to a plan, for commands that have one. REQUIRES: `command` from resolve(), with a plan.
inline Plan plan(const Command& command, const Arguments& arguments, const Context& context) {
  return command.plan(Call{command, arguments, context});
}

}  // namespace gyre::redis
