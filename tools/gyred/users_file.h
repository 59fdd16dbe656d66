// The file that names the Redis clients' users (--users).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gyre/result.h"
#include "resp/users.h"

namespace gyre::daemon {

// A TOML table for each user: password_sha256, or nopass = true; read, ack, rate, rate_burst.
// ERRORS: invalid_argument, with the line.
Result<std::vector<resp::User>> read_users_file(const std::string& path);
// The same of its text; `path` is for errors.
Result<std::vector<resp::User>> parse_users(std::string_view text, const std::string& path);

}  // namespace gyre::daemon
