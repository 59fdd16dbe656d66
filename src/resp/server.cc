#include "resp/server.h"

namespace gyre::resp {

void become(Client& client, const Server& server, const Login& login) {
  const User* user = login.user;
  if (user == nullptr || user != client.user) {
    set_read(client, user != nullptr ? user->read.value_or(server.read) : server.read);
    client.ack = user != nullptr ? user->ack.value_or(server.ack) : server.ack;
  }
  client.user = user;
  if (login.read) set_read(client, *login.read);
  if (login.ack) client.ack = *login.ack;
}

net::ByteLimits byte_limits(const Server& server) {
  net::ByteLimits limits;
  limits.input_bytes_max += server.value_bytes_max;
  // The largest reply, behind one that waits.
  limits.output_bytes_max = 2 * (limits::kConnectionAnswerBytesMax + server.value_bytes_max);
  return limits;
}

void add_metrics(MetricsRegistry& metrics, const Server& server) {
  metrics.computed(MetricsRegistry::Kind::gauge, "gyre_resp_clients", "Redis clients connected", {},
                   [&server] { return static_cast<double>(server.clients.load()); });
  const auto add_refused = [&](const char* limit, const Counter& refused) {
    metrics.computed(MetricsRegistry::Kind::counter, "gyre_resp_rate_limited_total",
                     "Commands of Redis clients refused by a rate limit", {{"limit", limit}},
                     [&refused] { return static_cast<double>(refused.value()); });
  };
  add_refused("address", server.rates.refused().by_address);
  add_refused("user", server.rates.refused().by_user);
  add_refused("all", server.rates.refused().by_all);
  metrics.computed(MetricsRegistry::Kind::counter, "gyre_resp_refused_logins_total",
                   "AUTH and HELLO of Redis clients with a wrong name or password", {},
                   [&server] { return static_cast<double>(server.refused_logins.load()); });
  metrics.computed(MetricsRegistry::Kind::counter, "gyre_resp_commands_total", "Commands of Redis clients", {},
                   [&server] { return static_cast<double>(server.commands.load()); });
}

}  // namespace gyre::resp
