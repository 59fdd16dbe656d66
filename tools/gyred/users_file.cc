#include "tools/gyred/users_file.h"

#include <algorithm>
#include <fstream>
#include <optional>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/invalid.h"
#include "resp/levels.h"

namespace gyre::daemon {

namespace {

constexpr std::size_t kFileBytesMax = std::size_t{4} << 20;
constexpr std::int64_t kUserRateMax = 1'000'000'000;

bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// What `;` would end, and spaces, are no part of a name that clients can send.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~' && c != ';'; });
}

Result<double> rate_of(const toml::node& node) {
  const auto number = node.value_exact<std::int64_t>();
  if (number && *number >= 0 && *number <= kUserRateMax) return static_cast<double>(*number);
  return invalid(fmt::format("a number of commands a second from 0 to {}", kUserRateMax));
}

// Sets what one line says. ERRORS: what it should have been.
Result<void> set(resp::User& user, std::string_view name, const toml::node& node, bool& nopass) {
  const std::string text = node.value_exact<std::string>().value_or("");
  if (name == "password_sha256") {
    if (!is_sha256(text)) {
      return invalid("64 hex digits in lower case, as `printf %s PASSWORD | sha256sum` prints them");
    }
    user.password_sha256 = text;
  } else if (name == "nopass") {
    if (!node.is_boolean()) return invalid("true or false");
    nopass = node.value_or(false);
  } else if (name == "read") {
    user.read = resp::parse_read_word(text);
    if (!user.read) return invalid("primary, linearizable, session, bounded:MS, or any");
  } else if (name == "ack") {
    user.ack = resp::parse_ack(text);
    if (!user.ack) return invalid(fmt::format("{}, as a string", resp::kAckCounts));
  } else if (name == "rate") {
    GYRE_TRY_SET(user.rate.per_second, rate_of(node));
  } else if (name == "rate_burst") {
    GYRE_TRY_SET(user.rate.burst, rate_of(node));
  } else {
    return invalid("no such setting: there are password_sha256, nopass, read, ack, rate and rate_burst");
  }
  return {};
}

}  // namespace

Result<std::vector<resp::User>> parse_users(std::string_view text, const std::string& path) {
  const auto at = [&path](const auto& source, std::string_view what) {
    return invalid(fmt::format("{}, line {}: {}", path, source.begin.line, what));
  };
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return at(error.source(), error.description());
  }
  if (table.empty()) return invalid(fmt::format("{} names no user: add a table for each, as in [default]", path));
  if (table.size() > resp::kUsersMax) {
    return invalid(fmt::format("{} names {} users: at most {} are allowed", path, table.size(), resp::kUsersMax));
  }
  std::vector<resp::User> users;
  for (const auto& [key, node] : table) {
    resp::User user{.name = std::string(key.str())};
    if (!is_name(user.name)) return at(node.source(), "a user's name is printable, without spaces and ';'");
    const toml::table* settings = node.as_table();
    if (settings == nullptr) {
      return at(node.source(), fmt::format("'{}' is no table: a user begins with [NAME]", user.name));
    }
    bool nopass = false;
    for (const auto& [name, value] : *settings) {
      const auto done = set(user, name.str(), value, nopass);
      if (!done) return at(value.source(), fmt::format("{}: {}", name.str(), done.error().message));
    }
    if (nopass == !user.password_sha256.empty()) {
      return at(settings->source(), fmt::format("user '{}' needs either password_sha256, or nopass = true for one whom "
                                                "anybody may be",
                                                user.name));
    }
    if (user.rate.burst > 0 && user.rate.per_second <= 0) {
      return at(settings->source(), fmt::format("user '{}' has a rate_burst and no rate", user.name));
    }
    users.push_back(std::move(user));
  }
  return users;
}

Result<std::vector<resp::User>> read_users_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return invalid(fmt::format("--users {} cannot be read: name a readable TOML file", path));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kFileBytesMax) {
    return invalid(fmt::format("--users {} is larger than {} bytes: it is no file of users", path, kFileBytesMax));
  }
  return parse_users(text, path);
}

}  // namespace gyre::daemon
