#include "resp/users.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/assert.h"
#include "resp/levels.h"

namespace gyre::resp {

using redis::Reply;

namespace {

// What is compared takes the same time however much of it agrees.
bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::pair<std::string_view, std::string_view> split(std::string_view text, char at) {
  const std::size_t end = text.find(at);
  if (end == std::string_view::npos) return {text, {}};
  return {text.substr(0, end), text.substr(end + 1)};
}

// One of those behind a name.
bool take_level(std::string_view option, Login& login) {
  const auto [name, value] = split(option, '=');
  if (name == "read") {
    login.read = parse_read_word(value);
    return login.read.has_value();
  }
  if (name != "ack") return false;
  login.ack = parse_ack(value);
  return login.ack.has_value();
}

}  // namespace

Users::Users() : Users({{.name = std::string(kDefaultUser)}}) {}

Users::Users(std::vector<User> users) : users_(std::move(users)) {
  std::ranges::sort(users_, {}, &User::name);
  GYRE_ASSERT(std::ranges::adjacent_find(users_, {}, &User::name) == users_.end());
}

const User* Users::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(users_, name, {}, &User::name);
  return found == users_.end() || found->name != name ? nullptr : &*found;
}

const User* Users::unnamed() const {
  const User* user = find(kDefaultUser);
  return user != nullptr && user->password_sha256.empty() ? user : nullptr;
}

redis::Parsed<Login> Users::log_in(std::string_view name, std::string_view password) const {
  const auto [plain, options] = split(name, ';');
  const User* user = find(plain);
  // Of a name that nobody has, the password is looked at as well: how long it takes tells nothing.
  const std::string print = sha256(password);
  const bool open = user != nullptr && user->password_sha256.empty();
  if (user == nullptr || !(open || same(print, user->password_sha256))) {
    return redis::refuse("WRONGPASS invalid username-password pair or user is disabled.");
  }
  Login login{.user = user, .read = {}, .ack = {}};
  std::string_view rest = options;
  while (!rest.empty()) {
    const auto [option, others] = split(rest, ';');
    rest = others;
    if (take_level(option, login)) continue;
    return std::unexpected(
        Reply::error_text(fmt::format("ERR '{}' behind a user name: it takes read={} (as in bounded:100) and ack={}",
                                      option.substr(0, 80), kReadLevels, kAckCounts)));
  }
  return login;
}

std::string sha256(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  unsigned int size = 0;
  const int done = EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  GYRE_ASSERT(done == 1 && size == digest.size());
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

}  // namespace gyre::resp
