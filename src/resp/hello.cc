#include "resp/hello.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "wire/resp_text.h"

namespace gyre::resp {

using redis::Arguments;
using redis::Reply;
using redis::says;

namespace {

struct HelloOptions {
  std::optional<std::string_view> name;
  std::optional<Login> login;
};

redis::Parsed<Login> log_in(const Context& context, std::string_view name, std::string_view password) {
  auto login = context.server.users.log_in(name, password);
  if (!login) context.server.refused_logins.fetch_add(1, std::memory_order_relaxed);
  return login;
}

redis::Parsed<HelloOptions> parse_options(const Context& context, const Arguments& arguments) {
  HelloOptions options;
  for (std::size_t i = 2; i < arguments.size();) {
    const std::size_t left = arguments.size() - i - 1;
    if (says(arguments[i], "auth") && left >= 2) {
      auto login = log_in(context, arguments[i + 1], arguments[i + 2]);
      if (!login) return std::unexpected(std::move(login).error());
      options.login = *login;
      i += 3;
    } else if (says(arguments[i], "setname") && left >= 1) {
      if (!valid_client_name(arguments[i + 1])) return redis::refuse(kBadClientName);
      options.name = arguments[i + 1];
      i += 2;
    } else {
      return std::unexpected(Reply::error_text(fmt::format("ERR Syntax error in HELLO option '{}'", arguments[i])));
    }
  }
  return options;
}

}  // namespace

bool valid_client_name(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c >= '!' && c <= '~'; });
}

Reply hello(const Context& context, const Arguments& arguments) {
  Client& client = context.client;
  wire::RespVersion version = client.version;
  if (arguments.size() > 1) {
    const std::string_view asked = arguments[1];
    if (!wire::parse_integer(asked)) return Reply::error("ERR Protocol version is not an integer or out of range");
    if (asked != "2" && asked != "3") return Reply::error("NOPROTO unsupported protocol version");
    version = asked == "3" ? wire::RespVersion::resp3 : wire::RespVersion::resp2;
  }
  const auto options = parse_options(context, arguments);
  if (!options) return options.error();
  if (options->login) become(client, context.server, *options->login);
  if (client.user == nullptr) {
    return Reply::error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> "
        "<pass> option can be used to authenticate the client and select the RESP protocol version at the same time");
  }
  if (options->name) client.name = *options->name;
  client.version = version;
  return Reply::map(
      {Reply::bulk_literal("server"), Reply::bulk_literal("redis"), Reply::bulk_literal("version"),
       Reply::bulk_literal(kRedisVersion), Reply::bulk_literal("proto"), Reply::integer(std::to_underlying(version)),
       Reply::bulk_literal("id"), Reply::integer(static_cast<std::int64_t>(client.id)), Reply::bulk_literal("mode"),
       Reply::bulk_literal(context.server.clustered ? "cluster" : "standalone"), Reply::bulk_literal("role"),
       Reply::bulk_literal("master"), Reply::bulk_literal("modules"), Reply::array({})});
}

Reply authenticate(const Context& context, const Arguments& arguments) {
  if (arguments.size() > 3) return Reply::error(redis::words::kSyntax);
  if (arguments.size() == 2 && context.server.users.unnamed() != nullptr) {
    return Reply::error(
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
        "configuration is correct?");
  }
  const bool named = arguments.size() == 3;
  const auto login = log_in(context, named ? arguments[1] : kDefaultUser, arguments[named ? 2 : 1]);
  if (!login) return login.error();
  become(context.client, context.server, *login);
  return Reply::ok();
}

}  // namespace gyre::resp
