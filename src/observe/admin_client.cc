#include "observe/admin_client.h"

#include <fmt/format.h>
#include <httplib.h>

#include "net/address.h"

namespace gyre::observe {

namespace {

constexpr auto kPatience = std::chrono::seconds(2);

template <class Ask>
Result<std::string> ask(const std::string& address, Ask ask_server) {
  GYRE_TRY_SET(const net::HostPort at, net::parse_host_port(address));
  httplib::Client client(at.host, at.port);
  client.set_connection_timeout(kPatience);
  client.set_read_timeout(kPatience);
  client.set_write_timeout(kPatience);
  const httplib::Result answer = ask_server(client);
  if (!answer) {
    return fail(ErrorCode::unavailable,
                fmt::format("no answer from the admin server at {}: {}", address, httplib::to_string(answer.error())));
  }
  std::string body = answer->body;
  if (answer->status == 200) return body;
  if (body.ends_with('\n')) body.pop_back();
  if (answer->status == 400) return fail(ErrorCode::invalid_argument, body);
  return fail(ErrorCode::unavailable, fmt::format("the admin server at {} answered {}: {}", address, answer->status,
                                                  body.empty() ? "is it another process's?" : body));
}

}  // namespace

Result<std::string> admin_get(const std::string& address, const std::string& path) {
  return ask(address, [&](httplib::Client& client) { return client.Get(path); });
}

Result<std::string> admin_post(const std::string& address, const std::string& path, const std::string& json) {
  return ask(address, [&](httplib::Client& client) { return client.Post(path, json, "application/json"); });
}

}  // namespace gyre::observe
