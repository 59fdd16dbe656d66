#include "redis/command_table.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "ring/slot.h"

namespace gyre::redis {

namespace {

constexpr std::size_t kNameBytesMax = 32;
constexpr std::size_t kEchoBytesMax = 128;  // of the client's words in an error; as in Redis

// What an error shows of a client's words: as in Redis, nothing behind a NUL.
std::string_view echo_of(std::string_view word, std::size_t bytes_max) {
  return word.substr(0, std::min(word.find('\0'), bytes_max));
}

const Command* find_lower(std::string_view name) {
  const auto all = commands();
  const auto it = std::ranges::lower_bound(all, name, {}, &Command::name);
  return it != all.end() && it->name == name ? &*it : nullptr;
}

Reply unknown_command(const Arguments& arguments) {
  std::string echo;
  for (std::size_t i = 1; i < arguments.size() && echo.size() < kEchoBytesMax; ++i) {
    echo += fmt::format("'{}' ", echo_of(arguments[i], kEchoBytesMax - echo.size()));
  }
  return Reply::error_text(fmt::format("ERR unknown command '{}', with args beginning with: {}",
                                       echo_of(arguments[0], kEchoBytesMax), echo));
}

Reply unknown_subcommand(const Command& container, std::string_view name) {
  std::string upper(container.name);
  std::ranges::transform(upper, upper.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
  return Reply::error_text(
      fmt::format("ERR unknown subcommand '{}'. Try {} HELP.", echo_of(name, kEchoBytesMax), upper));
}

Reply unknown(const Arguments& arguments) {
  const Command* command = find_command(arguments[0]);
  if (command == nullptr || command->is_subcommand()) return unknown_command(arguments);
  return unknown_subcommand(*command, arguments[1]);
}

const Command* find_subcommand(const Command& container, std::string_view name) {
  for (const Command& candidate : subcommands_of(container)) {
    if (says(name, candidate.name.substr(container.name.size() + 1))) return &candidate;
  }
  return nullptr;
}

}  // namespace

std::string_view to_string(Group group) {
  switch (group) {
    case Group::string: return "string";
    case Group::generic: return "generic";
    case Group::server: return "server";
    case Group::connection: return "connection";
    case Group::transactions: return "transactions";
    case Group::cluster: return "cluster";
  }
  return "generic";
}

std::span<const Command> subcommands_of(const Command& command) {
  if (command.is_subcommand()) return {};
  const auto all = commands();
  const auto first = std::next(all.begin(), std::distance(all.data(), &command) + 1);
  const auto last = std::find_if(first, all.end(), [&](const Command& next) {
    return !next.name.starts_with(command.name) || next.name[command.name.size()] != '|';
  });
  return {first, last};
}

const Command* find_command(std::string_view name) {
  if (name.size() > kNameBytesMax) return nullptr;
  std::array<char, kNameBytesMax> buffer;
  std::ranges::transform(name, buffer.begin(), lower);
  return find_lower({buffer.data(), name.size()});
}

const Command* find_called(const Arguments& arguments) {
  const Command* command = find_command(arguments[0]);
  if (command == nullptr || command->is_subcommand()) return nullptr;
  if (arguments.size() == 1 || subcommands_of(*command).empty()) return command;
  return find_subcommand(*command, arguments[1]);
}

Parsed<const Command*> resolve(const Arguments& arguments) {
  const Command* command = find_called(arguments);
  if (command == nullptr) return std::unexpected(unknown(arguments));
  if (command->takes(arguments.size())) return command;
  return std::unexpected(wrong_arity(*command));
}

Reply wrong_arity(const Command& command) {
  return Reply::error_text(fmt::format("ERR wrong number of arguments for '{}' command", command.name));
}

std::vector<std::string_view> keys_of(const Command& command, const Arguments& arguments) {
  std::vector<std::string_view> keys;
  const auto& [first, last, step, use, use_of_last] = command.keys;
  if (first == 0) return keys;
  const int count = static_cast<int>(arguments.size());
  const int end = last < 0 ? count + last : last;
  for (int i = first; i <= end && i < count; i += step) keys.push_back(arguments[static_cast<std::size_t>(i)]);
  return keys;
}

Parsed<std::optional<Slot>> slot_of_keys(const Command& command, const Arguments& arguments) {
  if (command.keys.first == 0) return std::nullopt;
  if (command.keys.first == command.keys.last) {
    return ring::slot_of(arguments[static_cast<std::size_t>(command.keys.first)]);
  }
  std::optional<Slot> common;
  for (const std::string_view key : keys_of(command, arguments)) {
    const Slot slot = ring::slot_of(key);
    if (common && *common != slot) return refuse(words::kCrossSlot);
    common = slot;
  }
  return common;
}

}  // namespace gyre::redis
