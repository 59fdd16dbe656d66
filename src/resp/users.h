// Who Redis clients say they are, by AUTH and HELLO, and what they get then.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/token_bucket.h"
#include "messages/request.h"
#include "redis/reply.h"

namespace gyre::resp {

inline constexpr std::string_view kDefaultUser = "default";
inline constexpr std::size_t kUsersMax = 10'000;

// One that the operator has named.
struct User {
  std::string name;
  std::string password_sha256;  // 64 hex digits, in lower case; empty: any password will do
  std::optional<messages::ReadConsistency> read;  // of its connections, until they say otherwise; none: the listener's
  std::optional<messages::AckCount> ack;  // the same
  RateLimit rate;  // of its commands on keys, over all its connections to this process
};

// Whom a connection has shown itself to be, and the levels that stood behind the name.
struct Login {
  const User* user = nullptr;
  std::optional<messages::ReadConsistency> read;
  std::optional<messages::AckCount> ack;
};

// Clients that can set a user name and nothing else choose levels by it: "app;read=bounded:100;ack=all".
//
// THREAD: any, once the clients come.
class Users {
 public:
  // Nobody is named: everybody is `default`, who needs no password.
  Users();
  // Just these. REQUIRES: names that differ.
  explicit Users(std::vector<User> users);

  // Whom a connection is that has said nothing: `default`, where that needs no password. Null: it must say AUTH.
  const User* unnamed() const;
  // Null: there is none.
  const User* find(std::string_view name) const;
  // ERRORS: WRONGPASS, and what stands behind the name and is no level.
  redis::Parsed<Login> log_in(std::string_view name, std::string_view password) const;

 private:
  std::vector<User> users_;  // by name
};

// 64 hex digits, in lower case.
std::string sha256(std::string_view text);

}  // namespace gyre::resp
