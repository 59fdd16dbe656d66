// What the load generator drives: a Gyre cluster through the client library, or any server that speaks RESP.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gyre/client.h"

namespace gyre::cli {

// THREAD: any.
class BenchTarget {
 public:
  // Runs once, on some thread, perhaps within the call. Null: it worked; `not_found`: a read that found nothing.
  using Done = std::move_only_function<void(const Error*)>;

  virtual ~BenchTarget() = default;
  virtual void get(std::string_view key, Done done) = 0;
  virtual void put(std::string_view key, std::string_view value, Done done) = 0;
};
using BenchTargets = std::vector<std::shared_ptr<BenchTarget>>;

std::shared_ptr<BenchTarget> make_client_target(std::shared_ptr<Client> client);

struct RespEndpoint {
  std::string address;
  std::string user = {};  // as which its connections log in; empty: the one that has no name
  std::string password = {};  // with neither user nor password they do not log in
};

// GET and SET over connections of its own to one RESP endpoint, in turn; a thread of its own. Redirections are errors.
// Waits until all connections are open and logged in; one that answers nothing for longer than `patience` is closed.
// ERRORS: unavailable, timeout, invalid_argument (no address), denied (the login was refused, with the server's words).
Result<std::shared_ptr<BenchTarget>> make_resp_target(const RespEndpoint& endpoint, std::uint32_t connections,
                                                      std::chrono::milliseconds patience);

}  // namespace gyre::cli
