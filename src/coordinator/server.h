// The coordinator process: the shell around control::Coordinator.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "control/coordinator.h"
#include "coordinator/event_log.h"
#include "coordinator/file_store.h"
#include "coordinator/options.h"
#include "net/blocking_pool.h"
#include "net/connection.h"
#include "net/faults.h"
#include "net/listener.h"
#include "net/loop.h"
#include "observe/admin_server.h"

namespace gyre::coordinator {

// One event loop runs the machine and all connections; the disk is touched on a thread of its own only.
// THREAD: start and destroy it from one thread outside the loop; everything private runs on the loop.
class Server {
 public:
  // Serves when it returns. ERRORS: unavailable (an address cannot be used), invalid_argument, and those of the store:
  // denied (another process has the directory), corrupt, unsupported, storage_failed.
  static Result<std::unique_ptr<Server>> start(const CoordinatorOptions& options);
  // Finishes a swap that is going on, then stops.
  ~Server();

  // With the real ports.
  const std::string& native_address() const { return listener_->address(); }
  const std::string& http_address() const { return admin_->address(); }

 private:
  class Session;
  struct OpenRequest {
    net::ConnectionPtr connection;
    RequestId id;
  };

  Server(std::unique_ptr<FileStore> store, EventLog events, bool allow_fault_injection);
  Result<void> open(const CoordinatorOptions& options);
  void begin(const CoordinatorOptions& options, std::optional<control::ClusterState> stored);

  void on_request(const net::ConnectionPtr& connection, const messages::Request& request);
  void on_messages(const net::ConnectionPtr& connection, const messages::Sender& sender,
                   std::vector<messages::Message> messages);
  bool note_connection(const messages::Sender& from, const net::ConnectionPtr& connection);
  void on_connection_closed(ConnectionId connection);
  void on_tick();
  // Performs what the machine asks for.
  void run_effects();
  void perform(control::SwapState& swap);
  void perform(control::LoadState& load);
  void perform(control::Answer& answer);
  void perform(control::SendToNode& send);
  void perform(control::Probe& probe);
  void perform(control::CoordinatorEvent& event);
  void record(messages::ClusterEvent event);
  void write_events();
  void submit(net::Task job);
  void publish();

  MetricsRegistry metrics_;
  Counter& requests_;
  Counter& malformed_;
  Gauge& epoch_;
  Gauge& nodes_;
  Gauge& nodes_up_;
  LatencyHistogram& swap_seconds_;

  std::unique_ptr<FileStore> store_;
  net::Faults faults_;
  net::Loop loop_{"coordinator"};
  std::optional<control::Coordinator> machine_;
  std::map<control::AnswerToken, OpenRequest> open_requests_;
  control::AnswerToken last_token_;
  std::map<NodeId, net::ConnectionPtr> connections_;  // the last one the node's process was heard on
  bool trust_refused_ = false;

  EventLog events_;
  bool writing_events_ = false;

  // What the admin server's threads may see.
  struct Published {
    ring::ClusterMapPtr map;
    Result<void> ready = fail(ErrorCode::unavailable, "the coordinator is starting");
  };
  std::mutex published_mutex_;
  Published published_;

  std::unique_ptr<net::BlockingPool> pool_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<observe::AdminServer> admin_;
};

// Runs a coordinator until SIGTERM or SIGINT. The log is initialised by the caller.
// Gives the exit code of the process: 0 stopped as asked, 1 the directory or its contents were refused, 2 the options
// are wrong, 3 an address cannot be used.
int run_coordinator(const CoordinatorOptions& options);

}  // namespace gyre::coordinator
