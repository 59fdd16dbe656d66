#include "resp/client_commands.h"

#include <optional>
#include <set>
#include <string>

#include <fmt/format.h>

#include "net/loop.h"
#include "redis/numbers.h"
#include "resp/hello.h"

namespace gyre::resp {

using redis::Arguments;
using redis::Reply;
using redis::says;

namespace {

// Only the first is ever here.
bool valid_type(std::string_view type) {
  return says(type, "normal") || says(type, "master") || says(type, "replica") || says(type, "slave") ||
         says(type, "pubsub");
}

Reply unknown_type(std::string_view type) {
  return Reply::error_text(fmt::format("ERR Unknown client type '{}'", type));
}

// Which connections CLIENT KILL means: those to which all of it applies.
struct KillFilter {
  std::optional<std::uint64_t> id = {};
  std::optional<std::string> address = {};
  std::optional<std::string> local = {};
  std::optional<std::int64_t> age_s = {};  // at least
  const User* user = nullptr;
  bool nobody = false;  // a type that none has
  bool skip_me = true;

  bool hits(const ClientEntry& client, Instant now) const {
    return !nobody && (!id || client.id() == *id) && (!address || client.peer() == *address) &&
           (!local || client.local() == *local) && (user == nullptr || client.is(*user)) &&
           (!age_s || now - client.since() >= std::chrono::seconds(*age_s));
  }
};

redis::Parsed<KillFilter> parse_kill(const Arguments& arguments, const Users& users) {
  KillFilter filter;
  for (std::size_t i = 2; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) return redis::refuse(redis::words::kSyntax);
    const std::string_view value = arguments[i + 1];
    if (says(arguments[i], "id")) {
      filter.id = redis::number_of<std::uint64_t>(value);
      if (!filter.id || *filter.id == 0) return redis::refuse("ERR client-id should be greater than 0");
    } else if (says(arguments[i], "addr")) {
      filter.address = value;
    } else if (says(arguments[i], "laddr")) {
      filter.local = value;
    } else if (says(arguments[i], "maxage")) {
      filter.age_s = redis::number_of<std::int64_t>(value);
      constexpr std::int64_t kAgeMax = 3'000'000'000;  // a century
      if (!filter.age_s || *filter.age_s < 0 || *filter.age_s > kAgeMax) return redis::refuse(redis::words::kNoInteger);
    } else if (says(arguments[i], "type")) {
      if (!valid_type(value)) return std::unexpected(unknown_type(value));
      filter.nobody = filter.nobody || !says(value, "normal");
    } else if (says(arguments[i], "user")) {
      filter.user = users.find(value);
      if (filter.user == nullptr) {
        return std::unexpected(Reply::error_text(fmt::format("ERR No such user '{}'", value)));
      }
    } else if (says(arguments[i], "skipme") && (says(value, "yes") || says(value, "no"))) {
      filter.skip_me = says(value, "yes");
    } else {
      return redis::refuse(redis::words::kSyntax);
    }
  }
  return filter;
}

}  // namespace

Reply client_id(const Context& context, const Arguments&) {
  return Reply::integer(static_cast<std::int64_t>(context.client.id));
}

Reply client_getname(const Context& context, const Arguments&) {
  if (context.client.name.empty()) return Reply::null();
  return Reply::bulk(Bytes::copy_of(context.client.name));
}

Reply client_setname(const Context& context, const Arguments& arguments) {
  if (!valid_client_name(arguments[2])) return Reply::error(kBadClientName);
  context.client.name = arguments[2];
  return Reply::ok();
}

Reply client_setinfo(const Context& context, const Arguments& arguments) {
  const bool name = says(arguments[2], "lib-name");
  if (!name && !says(arguments[2], "lib-ver")) {
    return Reply::error_text(fmt::format("ERR Unrecognized option '{}'", arguments[2]));
  }
  if (!valid_client_name(arguments[3])) {
    return Reply::error_text(
        fmt::format("ERR {} cannot contain spaces, newlines or special characters.", name ? "lib-name" : "lib-ver"));
  }
  (name ? context.client.library : context.client.library_version) = arguments[3];
  return Reply::ok();
}

Reply client_info(const Context& context, const Arguments&) {
  return Reply::bulk(Bytes::copy_of(context.entry.line(net::steady_now())));
}

Reply client_list(const Context& context, const Arguments& arguments) {
  std::optional<std::set<std::uint64_t>> wanted;
  if (arguments.size() > 2) {
    const bool by_type = says(arguments[2], "type") && arguments.size() == 4;
    const bool by_id = says(arguments[2], "id") && arguments.size() > 3;
    if (!by_type && !by_id) return Reply::error(redis::words::kSyntax);
    if (by_type && !valid_type(arguments[3])) return unknown_type(arguments[3]);
    if (by_id || !says(arguments[3], "normal")) wanted.emplace();
    for (std::size_t i = 3; by_id && i < arguments.size(); ++i) {
      const auto id = redis::number_of<std::uint64_t>(arguments[i]);
      if (!id) return Reply::error("ERR Invalid client ID");
      wanted->insert(*id);
    }
  }
  const Instant now = net::steady_now();
  std::string lines;
  for (const ClientEntryPtr& client : context.server.all.all()) {
    if (!wanted || wanted->contains(client->id())) lines += client->line(now);
  }
  return Reply::bulk(Bytes::copy_of(lines));
}

// --- KILL ---

Reply client_kill(const Context& context, const Arguments& arguments) {
  const bool by_address = arguments.size() == 3;
  const auto filter =
      by_address ? redis::Parsed<KillFilter>(KillFilter{.address = std::string(arguments[2]), .skip_me = false})
                 : parse_kill(arguments, context.server.users);
  if (!filter) return filter.error();
  std::int64_t killed = 0;
  const Instant now = net::steady_now();
  for (const ClientEntryPtr& client : context.server.all.all()) {
    const bool me = client->id() == context.client.id;
    if (!filter->hits(*client, now) || (me && filter->skip_me)) continue;
    ++killed;
    if (me) {
      context.client.leaves = true;  // once this is answered
    } else {
      client->end();
    }
  }
  if (!by_address) return Reply::integer(killed);
  return killed > 0 ? Reply::ok() : Reply::error("ERR No such client");
}

Reply client_reply(const Context& context, const Arguments& arguments) {
  Client& client = context.client;
  if (says(arguments[2], "on")) {
    client.replies = true;
    client.speaks = true;
  } else if (says(arguments[2], "off")) {
    client.replies = false;
  } else if (says(arguments[2], "skip")) {
    client.skip_next = client.replies;
  } else {
    return Reply::error(redis::words::kSyntax);
  }
  return Reply::ok();
}

Reply client_no_evict(const Context& context, const Arguments& arguments) {
  const bool on = says(arguments[2], "on");
  if (!on && !says(arguments[2], "off")) return Reply::error(redis::words::kSyntax);
  context.client.no_evict = on;
  return Reply::ok();
}

}  // namespace gyre::resp
