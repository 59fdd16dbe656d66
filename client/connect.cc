// Client::connect: from options to a client that knows its cluster.
#include <future>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "client/api_client.h"
#include "client/network_backend.h"
#include "client/waiter.h"
#include "net/connection.h"

namespace gyre {

namespace {

Result<void> check(const ClientOptions& options) {
  if (options.seeds.empty()) {
    return fail(ErrorCode::invalid_argument, "name at least one seed as HOST:PORT, any node of the cluster");
  }
  for (const auto& seed : options.seeds) GYRE_TRY(net::parse_host_port(seed));
  if (options.deadline.count() <= 0 || options.connect_timeout.count() <= 0) {
    return fail(ErrorCode::invalid_argument, "the deadline and the connect timeout must be above 0 ms");
  }
  if (options.value_bytes_max > limits::kValueBytesHardMax) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("value_bytes_max must be at most {}", limits::kValueBytesHardMax));
  }
  GYRE_TRY(client::to_message(options.ack));
  GYRE_TRY(client::to_message(options.read));
  return {};
}

}  // namespace

Result<std::unique_ptr<Client>> Client::connect(ClientOptions options) {
  GYRE_TRY(check(options));
  auto backend = std::make_unique<client::NetworkBackend>(options);
  client::Waiter waiter(1);
  Result<void> outcome;
  backend->submit(messages::MapRequest{}, {}, [&](Result<messages::ResponseBody> body) {
    if (!body) outcome = fail(std::move(body).error());
    waiter.count_down();
  });
  waiter.wait();
  GYRE_TRY(outcome);
  return std::make_unique<client::ApiClient<Client>>(std::move(backend), client::Levels{options.ack, options.read});
}

}  // namespace gyre
