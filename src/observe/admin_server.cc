#include "observe/admin_server.h"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include "net/address.h"
#include "net/loop.h"
#include "observe/deadline_stream.h"
#include "observe/map_json.h"
#include "observe/metrics_text.h"

namespace gyre::observe {

namespace {

constexpr std::size_t kThreads = 4;
constexpr std::size_t kConnectionsWaitingMax = 64;  // beyond: they wait in the kernel's backlog
constexpr std::size_t kBodyBytesMax = 4096;
constexpr std::size_t kRequestBytesMax = 64 * 1024;
constexpr Duration kRequestLimit = std::chrono::seconds(5);  // to send a request and to take its answer
constexpr const char* kText = "text/plain; charset=utf-8";

// httplib's own pool takes any number of connections; here the accepting thread waits while too many are queued.
class BoundedTasks final : public httplib::TaskQueue {
 public:
  BoundedTasks() {
    for (std::size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { run(); });
  }

  void enqueue(std::function<void()> task) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return tasks_.size() < kConnectionsWaitingMax; });
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void run() {
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      changed_.notify_all();
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// SO_REUSEPORT, which httplib would set, lets two processes share a port without a word.
void set_socket_options(socket_t socket) {
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

void answer_unavailable(httplib::Response& response, const std::string& why) {
  response.status = 503;
  response.set_content(why + "\n", kText);
}

}  // namespace

// One request for each connection, within kRequestLimit.
class BoundedServer final : public httplib::Server {
 private:
  bool process_and_close_socket(socket_t socket) override {
    DeadlineStream stream(socket, net::steady_now() + kRequestLimit, kRequestBytesMax);
    bool closed = false;
    const bool answered = process_request(stream, /*close_connection=*/true, closed, nullptr);
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
    return answered;
  }
};

struct AdminServer::Impl {
  Impl(AdminSource given, const std::string& title) : source(std::move(given)) {
    server.new_task_queue = [] { return new BoundedTasks(); };
    server.set_socket_options(set_socket_options);
    server.set_payload_max_length(kBodyBytesMax);
    server.set_exception_handler([](const auto&, httplib::Response& response, std::exception_ptr) {
      response.status = 500;
      response.set_content("internal error\n", kText);
    });
    add_pages(title);
  }

  void add_pages(const std::string& title) {
    std::string index = title +
                        "\n\n"
                        "/healthz     the process lives\n"
                        "/readyz      it serves, or why not\n"
                        "/metrics     for Prometheus\n"
                        "/map         the cluster map\n";
    for (const AdminPage& page : source.pages) index += fmt::format("{:<12} {}\n", page.path, page.help);
    server.Get("/", [index](const auto&, httplib::Response& response) { response.set_content(index, kText); });
    server.Get("/healthz", [](const auto&, httplib::Response& response) { response.set_content("ok\n", kText); });
    server.Get("/readyz", [this](const auto&, httplib::Response& response) {
      const Result<void> ready = source.ready();
      if (!ready) return answer_unavailable(response, ready.error().message);
      response.set_content("ready\n", kText);
    });
    server.Get("/metrics", [this](const auto&, httplib::Response& response) {
      response.set_content(metrics_text(source.metrics), "text/plain; version=0.0.4; charset=utf-8");
    });
    server.Get("/map", [this](const auto&, httplib::Response& response) {
      const ring::ClusterMapPtr map = source.map();
      if (!map) return answer_unavailable(response, "no cluster map is known yet");
      response.set_content(map_json(*map).dump(2) + "\n", "application/json");
    });
    for (const AdminPage& page : source.pages) add_page(page);
    for (const AdminAction& action : source.actions) add_action(action);
  }

  void add_page(const AdminPage& page) {
    server.Get(page.path, [page](const auto&, httplib::Response& response) {
      response.set_header("Content-Security-Policy",
                          "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                          "connect-src 'self'; frame-ancestors 'none'");
      response.set_content(page.content(), page.type);
    });
  }

  void add_action(const AdminAction& action) {
    server.Post(action.path + "/([^/]+)", [action](const httplib::Request& request, httplib::Response& response) {
      if (!request.get_header_value("Content-Type").starts_with("application/json")) {
        response.status = 415;
        return response.set_content("the body must be JSON: send it with Content-Type: application/json\n", kText);
      }
      const Result<std::string> done = action.carry_out(request.matches[1], request.body);
      if (done) return response.set_content(*done, "application/json");
      response.status = 400;
      response.set_content(done.error().message + "\n", kText);
    });
  }

  AdminSource source;
  BoundedServer server;
  std::string address;
  std::thread thread;
};

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

AdminServer::~AdminServer() {
  impl_->server.stop();
  impl_->thread.join();
}

const std::string& AdminServer::address() const { return impl_->address; }

Result<std::unique_ptr<AdminServer>> AdminServer::open(const AdminOptions& options, AdminSource source) {
  GYRE_TRY_SET(net::HostPort at, net::parse_host_port(options.address));
  auto impl = std::make_unique<Impl>(std::move(source), options.title);
  errno = 0;
  const int port = at.port == 0                                  ? impl->server.bind_to_any_port(at.host)
                   : impl->server.bind_to_port(at.host, at.port) ? at.port
                                                                 : -1;
  if (port < 0) {
    return fail(ErrorCode::unavailable,
                fmt::format("cannot listen at {}: {}; choose another address or stop the process that has it",
                            options.address, errno ? std::generic_category().message(errno) : "no such address"));
  }
  at.port = static_cast<std::uint16_t>(port);
  impl->address = at.str();
  impl->thread = std::thread([&server = impl->server] { server.listen_after_bind(); });
  while (!impl->server.is_running()) std::this_thread::yield();  // stop() before that would be lost
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

}  // namespace gyre::observe
