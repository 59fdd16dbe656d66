// COMMAND and its subcommands: the table as replies.
// SOURCE: shapes as in Redis 7.0.15, compared in both protocol versions; tips, arguments and complexities are left out.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "redis/operations.h"
#include "redis/planners.h"

namespace gyre::redis {

namespace {

struct FlagName {
  CommandFlag flag;
  std::string_view name;
};
constexpr std::array kFlagNames = {
    FlagName{kWrite, "write"},     FlagName{kReadonly, "readonly"}, FlagName{kDenyoom, "denyoom"},
    FlagName{kAdmin, "admin"},     FlagName{kPubsub, "pubsub"},     FlagName{kNoscript, "noscript"},
    FlagName{kLoading, "loading"}, FlagName{kStale, "stale"},       FlagName{kFast, "fast"},
    FlagName{kNoAuth, "no_auth"},
};

constexpr std::array<std::string_view, 11> kHelp = {
    "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "(no subcommand)",
    "    Return details about all commands.",
    "COUNT",
    "    Return the number of commands.",
    "INFO [<command-name> ...] / DOCS [<command-name> ...]",
    "    Return details about some commands, or all: for programs, and for people.",
    "GETKEYS <full-command>",
    "    Return the keys of a whole command.",
    "HELP",
    "    Print this help.",
};

// The names of a table outlive everything.
Reply bulk(std::string_view literal) { return Reply::bulk(Bytes::literal(literal)); }

Reply flags_of(const Command& command) {
  std::vector<Reply> names;
  for (const auto& [flag, name] : kFlagNames) {
    if (command.is(flag)) names.push_back(Reply::simple(name));
  }
  return Reply::set(std::move(names));
}

// Every category that follows from the rest of the row; so do Redis's own.
Reply categories_of(const Command& command) {
  const bool container = !subcommands_of(command).empty() && command.plan == nullptr;
  std::vector<Reply> names;
  const auto add = [&](bool applies, std::string_view name) {
    if (applies) names.push_back(Reply::simple(name));
  };
  add(command.group == Group::generic && !container, "@keyspace");
  add(command.is(kReadonly), "@read");
  add(command.is(kWrite), "@write");
  add(command.group == Group::string, "@string");
  add(command.is(kPubsub), "@pubsub");
  add(command.is(kAdmin), "@admin");
  add(command.is(kFast), "@fast");
  add(!command.is(kFast), "@slow");
  add(command.is(kAdmin), "@dangerous");
  add(command.group == Group::connection || command.name.starts_with("command"), "@connection");
  add(command.group == Group::transactions, "@transaction");
  return Reply::set(std::move(names));
}

Reply words_of(std::string_view text) {
  std::vector<Reply> words;
  while (!text.empty()) {
    const std::size_t size = std::min(text.find(' '), text.size());
    words.push_back(Reply::simple(text.substr(0, size)));
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return Reply::set(std::move(words));
}

struct KeyRange {
  int first;
  int last;  // counted from `first`, or from the end
  int step;
};

Reply key_specification(std::string_view use, KeyRange range) {
  const Reply begin =
      Reply::map({bulk("type"), bulk("index"), bulk("spec"), Reply::map({bulk("index"), Reply::integer(range.first)})});
  const Reply find = Reply::map({bulk("type"), bulk("range"), bulk("spec"),
                                 Reply::map({bulk("lastkey"), Reply::integer(range.last), bulk("keystep"),
                                             Reply::integer(range.step), bulk("limit"), Reply::integer(0)})});
  return Reply::map({bulk("flags"), words_of(use), bulk("begin_search"), begin, bulk("find_keys"), find});
}

Reply key_specifications_of(const KeyPositions& keys) {
  if (keys.first == 0) return Reply::set({});
  if (!keys.use_of_last.empty()) {
    return Reply::set(
        {key_specification(keys.use, {keys.first, 0, 1}), key_specification(keys.use_of_last, {keys.last, 0, 1})});
  }
  const int last = keys.last < 0 ? keys.last : keys.last - keys.first;
  return Reply::set({key_specification(keys.use, {keys.first, last, keys.step})});
}

Reply info_of(const Command& command) {
  std::vector<Reply> subcommands;
  for (const Command& each : subcommands_of(command)) subcommands.push_back(info_of(each));
  return Reply::array({bulk(command.name), Reply::integer(command.arity), flags_of(command),
                       Reply::integer(command.keys.first), Reply::integer(command.keys.last),
                       Reply::integer(command.keys.step), categories_of(command), Reply::set({}),
                       key_specifications_of(command.keys),
                       subcommands.empty() ? Reply::set({}) : Reply::array(std::move(subcommands))});
}

Reply docs_of(const Command& command) {
  std::vector<Reply> fields = {bulk("summary"),     bulk(command.summary), bulk("since"),
                               bulk(command.since), bulk("group"),         bulk(to_string(command.group))};
  std::vector<Reply> subcommands;
  for (const Command& each : subcommands_of(command)) {
    subcommands.push_back(bulk(each.name));
    subcommands.push_back(docs_of(each));
  }
  if (!subcommands.empty()) {
    fields.push_back(bulk("subcommands"));
    fields.push_back(Reply::map(std::move(subcommands)));
  }
  return Reply::map(std::move(fields));
}

std::vector<const Command*> whole_commands() {
  std::vector<const Command*> all;
  for (const Command& command : commands()) {
    if (!command.is_subcommand()) all.push_back(&command);
  }
  return all;
}

// By the names from the third argument on, null for those that are unknown; without names all.
std::vector<const Command*> named(const Arguments& arguments) {
  if (arguments.size() < 3) return whole_commands();
  std::vector<const Command*> found;
  for (std::size_t i = 2; i < arguments.size(); ++i) found.push_back(find_command(arguments[i]));
  return found;
}

}  // namespace

Plan plan_command_count(const Call&) { return Reply::integer(static_cast<std::int64_t>(whole_commands().size())); }

// Also COMMAND alone.
Plan plan_command_info(const Call& call) {
  std::vector<Reply> rows;
  for (const Command* command : named(call.arguments)) rows.push_back(command ? info_of(*command) : Reply::null());
  return Reply::array(std::move(rows));
}

Plan plan_command_docs(const Call& call) {
  std::vector<Reply> pairs;
  for (const Command* command : named(call.arguments)) {
    if (command == nullptr) continue;
    pairs.push_back(bulk(command->name));
    pairs.push_back(docs_of(*command));
  }
  return Reply::map(std::move(pairs));
}

Plan plan_command_getkeys(const Call& call) {
  const Arguments asked = call.arguments.from(2);
  const Command* command = find_called(asked);
  if (command == nullptr) return Reply::error("ERR Invalid command specified");
  if (command->keys.first == 0) return Reply::error("ERR The command has no key arguments");
  if (!command->takes(asked.size())) {
    return Reply::error("ERR Invalid number of arguments specified for command");
  }
  std::vector<Reply> keys;
  for (const std::string_view key : keys_of(*command, asked)) keys.push_back(Reply::bulk(Bytes::copy_of(key)));
  return Reply::array(std::move(keys));
}

Plan plan_command_help(const Call&) { return help(kHelp); }

}  // namespace gyre::redis
