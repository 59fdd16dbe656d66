// gyred: Gyre's server. Reads its options and becomes a node or a coordinator.
#include <cstdlib>

#include <fmt/format.h>

#include "base/log.h"
#include "coordinator/server.h"
#include "node/node.h"
#include "router/router.h"
#include "tools/gyred/command_line.h"

namespace gyre::daemon {

namespace {

constexpr int kExitUsage = 2;

int refuse(const Error& error) {
  fmt::print(stderr, "gyred: {}\n", error.message);
  return kExitUsage;
}

template <class Options>
int run_role(const Options& options, int (*run)(const Options&)) {
  if (const auto ready = log::init(options.id, options.log_level); !ready) return refuse(ready.error());
  return run(options);
}

struct Runner {
  int operator()(const Print& print) const {
    fmt::print("{}", print.text);
    return std::fflush(stdout) == 0 ? 0 : 1;
  }
  int operator()(const node::NodeOptions& options) const { return run_role(options, node::run_node); }
  int operator()(const coordinator::CoordinatorOptions& options) const {
    return run_role(options, coordinator::run_coordinator);
  }
  int operator()(const router::RouterOptions& options) const { return run_role(options, router::run_router); }
};

}  // namespace

}  // namespace gyre::daemon

int main(int argc, char** argv) {
  using namespace gyre::daemon;
  const auto invocation =
      read_command_line(std::vector<std::string>(argv + (argc > 0), argv + argc),
                        [](const char* name) { return static_cast<const char*>(std::getenv(name)); });
  if (!invocation) return refuse(invocation.error());
  return std::visit(Runner{}, *invocation);
}
