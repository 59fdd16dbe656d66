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

constexpr std::string_view kWrongPassword = "WRONGPASS invalid username-password pair or user is disabled.";

struct HelloOptions {
  std::optional<std::string_view> name;
};

redis::Parsed<HelloOptions> parse_options(const Arguments& arguments) {
  HelloOptions options;
  for (std::size_t i = 2; i < arguments.size();) {
    const std::size_t left = arguments.size() - i - 1;
    if (says(arguments[i], "auth") && left >= 2) {
      if (arguments[i + 1] != "default") return redis::refuse(kWrongPassword);
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
  const auto options = parse_options(arguments);
  if (!options) return options.error();
  if (options->name) client.name = *options->name;
  client.version = version;
  return Reply::map(
      {Reply::bulk_literal("server"), Reply::bulk_literal("redis"), Reply::bulk_literal("version"),
       Reply::bulk_literal(kRedisVersion), Reply::bulk_literal("proto"), Reply::integer(std::to_underlying(version)),
       Reply::bulk_literal("id"), Reply::integer(static_cast<std::int64_t>(client.id)), Reply::bulk_literal("mode"),
       Reply::bulk_literal(context.server.clustered ? "cluster" : "standalone"), Reply::bulk_literal("role"),
       Reply::bulk_literal("master"), Reply::bulk_literal("modules"), Reply::array({})});
}

Reply authenticate(const Context&, const Arguments& arguments) {
  if (arguments.size() > 3) return Reply::error(redis::words::kSyntax);
  if (arguments.size() == 2) {
    return Reply::error(
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
        "configuration is correct?");
  }
  return arguments[1] == "default" ? Reply::ok() : Reply::error(kWrongPassword);
}

}  // namespace gyre::resp
