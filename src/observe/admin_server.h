// The admin HTTP server of every process.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "gyre/result.h"
#include "ring/cluster_map.h"

namespace gyre::observe {

struct AdminOptions {
  std::string address;  // "HOST:PORT"; port 0: any free one
  std::string title;    // of the process: "gyred node n1"
};

// A page of one role alone.
struct AdminPage {
  std::string path;  // "/stats"
  std::string help;  // a line of the index
  std::string type;  // of its content: "text/html"
  std::function<std::string()> content;
};

// A change that operators may ask a process for: POST PATH/NAME with a JSON body.
struct AdminAction {
  std::string path;  // "/members"
  // `name`: what comes behind the path. The answer is JSON. An error's message is the reason shown, with status 400.
  std::function<Result<std::string>(const std::string& name, const std::string& body)> carry_out;
};

// What pages are made of. The functions are called on the server's threads, for as long as it lives.
struct AdminSource {
  const MetricsRegistry& metrics;
  std::function<Result<void>()> ready;        // an error's message is the reason shown
  std::function<ring::ClusterMapPtr()> map;   // null: none is known yet
  std::vector<AdminPage> pages = {};
  std::vector<AdminAction> actions = {};
};

// Serves, each to GET only:
//   /         a text index
//   /healthz  200 as long as the process lives
//   /readyz   200, or 503 and the reason
//   /metrics  Prometheus text
//   /map      the cluster map as JSON (map_json.h), or 503
// and the pages of its role, and its actions to POST only. A body must say that it is JSON, which a form of another
// site's page cannot.
//
// Has threads of its own, so that a busy event loop does not make a process look dead. Their number, the size of a
// request and the time one may take are bounded; each connection serves one request.
class AdminServer {
 public:
  // Listens when it returns. ERRORS: unavailable (address in use or not ours), invalid_argument.
  static Result<std::unique_ptr<AdminServer>> open(const AdminOptions& options, AdminSource source);
  // Stops and joins.
  ~AdminServer();

  // "127.0.0.1:7401", with the real port.
  const std::string& address() const;

 private:
  struct Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gyre::observe
