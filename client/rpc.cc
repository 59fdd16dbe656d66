#include "client/rpc.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "client/waiter.h"
#include "net/connection.h"
#include "net/loop.h"

namespace gyre::client {

namespace {

// One question and its answer. Lives on the loop's thread until finish(); the result is read after the loop ended.
class Question final : public net::ConnectionHandler {
 public:
  Question(Waiter& waiter, messages::Request request) : waiter_(waiter), request_(std::move(request)) {}

  void on_connected(const std::shared_ptr<Question>& self, Result<net::ConnectionPtr> connection) {
    if (!connection) return finish(fail(std::move(connection).error()));
    (*connection)->start(self);
    sent_ = true;
    (*connection)->send(request_);
  }

  void on_frame(messages::Frame frame) override {
    for (auto& response : frame.responses) {
      if (auto* error = std::get_if<Error>(&response.body)) return finish(fail(std::move(*error)));
      if (response.id == request_.id) return finish(std::move(response.body));
    }
  }

  void on_closed(const Error& why) override { finish(fail(why.code, why.message, Outcome::unknown)); }

  void on_deadline(const std::string& address, Duration deadline) {
    finish(fail(ErrorCode::timeout, fmt::format("{} gave no answer within {} ms", address, to_ms(deadline)),
                sent_ ? Outcome::unknown : Outcome::not_applied));
  }

  Result<messages::ResponseBody> take_result() { return std::move(result_); }

 private:
  void finish(Result<messages::ResponseBody> result) {
    if (std::exchange(finished_, true)) return;
    result_ = std::move(result);
    waiter_.count_down();
  }

  Waiter& waiter_;
  messages::Request request_;
  Result<messages::ResponseBody> result_;
  bool sent_ = false;
  bool finished_ = false;
};

}  // namespace

Result<messages::ResponseBody> call(const std::string& address, messages::RequestBody body, Duration deadline) {
  Waiter waiter(1);
  const auto question =
      std::make_shared<Question>(waiter, messages::Request{RequestId(1), deadline, Epoch(), std::move(body)});
  net::Loop loop("gyre-rpc");
  loop.start();
  loop.post([&] {
    loop.after(deadline, [&, question] { question->on_deadline(address, deadline); });
    net::connect(loop, address, deadline, wire::Limits{}, [question](Result<net::ConnectionPtr> connection) {
      question->on_connected(question, std::move(connection));
    });
  });
  waiter.wait();
  loop.stop();
  loop.join();
  return question->take_result();
}

Result<messages::ResponseBody> call_any(const std::vector<std::string>& seeds, const messages::RequestBody& body,
                                        Duration deadline) {
  if (seeds.empty()) return fail(ErrorCode::invalid_argument, "name at least one seed as HOST:PORT");
  const Instant end = net::steady_now() + deadline;
  Error last;
  std::string messages;
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    const auto share = (end - net::steady_now()) / static_cast<std::int64_t>(seeds.size() - i);
    auto result = call(seeds[i], body, share);
    if (result) return result;
    last = std::move(result).error();
    messages += fmt::format("{}{}: {}", messages.empty() ? "" : "; ", seeds[i], last.message);
  }
  last.message = std::move(messages);
  return fail(std::move(last));
}

}  // namespace gyre::client
