// What a client needs behind its API: something that answers requests. The network, or a fake in memory.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "messages/request.h"
#include "ring/cluster_map.h"

namespace gyre::client {

class Backend {
 public:
  // Gets no Error inside the body: errors arrive as the Result's.
  using Handler = std::move_only_function<void(Result<messages::ResponseBody>)>;

  virtual ~Backend() = default;

  // Serves `body`, or answers with the error it is. `deadline`: zero means the backend's default. `done` runs exactly
  // once. THREAD: any.
  virtual void submit(Result<messages::RequestBody> body, std::chrono::milliseconds deadline, Handler done) = 0;
  // The newest map known; null before the first. THREAD: any.
  virtual ring::ClusterMapPtr map() const = 0;
  // The calling thread is the one that runs the handlers, so waiting for one would wait for itself.
  virtual bool on_callback_thread() const = 0;
  // Of one key or value; larger ones are refused without asking anybody.
  virtual std::size_t value_bytes_max() const = 0;

  // As in gyre::Client. THREAD: any.
  virtual std::string session_token() = 0;
  virtual Result<void> resume_session(std::string_view token) = 0;
  virtual void reset_session() = 0;
};

}  // namespace gyre::client
