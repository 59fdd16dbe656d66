#include "tools/gyre/bench_target.h"

#include <algorithm>
#include <array>
#include <deque>
#include <future>
#include <utility>

#include "net/byte_connection.h"
#include "net/loop.h"
#include "wire/resp_reader.h"

namespace gyre::cli {

namespace {

class ClientTarget final : public BenchTarget {
 public:
  explicit ClientTarget(std::shared_ptr<Client> client) : client_(std::move(client)) {}

  void get(std::string_view key, Done done) override {
    client_->get(key, {}, [done = std::move(done)](const Result<Value>& value) mutable {
      done(value ? nullptr : &value.error());
    });
  }
  void put(std::string_view key, std::string_view value, Done done) override {
    client_->put(key, value, {}, [done = std::move(done)](const Result<Version>& version) mutable {
      done(version ? nullptr : &version.error());
    });
  }

 private:
  std::shared_ptr<Client> client_;
};

// A command as clients write it.
void append_words(std::string& to, std::initializer_list<std::string_view> words) {
  to += '*';
  to += std::to_string(words.size());
  to += "\r\n";
  for (const std::string_view word : words) {
    to += '$';
    to += std::to_string(word.size());
    to += "\r\n";
    to += word;
    to += "\r\n";
  }
}

// The code that an error reply comes closest to.
ErrorCode code_of(std::string_view reply) {
  constexpr std::array kCodes = {
      std::pair{std::string_view("BUSY"), ErrorCode::busy},
      std::pair{std::string_view("MOVED"), ErrorCode::not_primary},
      std::pair{std::string_view("ASK"), ErrorCode::not_primary},
      std::pair{std::string_view("TRYAGAIN"), ErrorCode::timeout},
      std::pair{std::string_view("CLUSTERDOWN"), ErrorCode::unavailable},
      std::pair{std::string_view("LOADING"), ErrorCode::unavailable},
      std::pair{std::string_view("NOREPLICAS"), ErrorCode::no_replicas},
      std::pair{std::string_view("NOAUTH"), ErrorCode::denied},
  };
  const auto found = std::ranges::find_if(kCodes, [&](const auto& code) { return reply.starts_with(code.first); });
  return found == kCodes.end() ? ErrorCode::internal : found->second;
}

// One connection: replies come in the order of the commands. THREAD: its loop's.
class RespLink final : public net::ByteHandler {
 public:
  explicit RespLink(net::ByteConnectionPtr connection) : connection_(std::move(connection)) {}

  void send(const std::string& command, BenchTarget::Done done) {
    if (connection_ == nullptr) return done(&closed_);
    waiting_.push_back({std::move(done), net::steady_now()});
    connection_->output() += command;
    connection_->send();
  }

  std::size_t on_bytes(std::string_view received, Buffer*) override {
    std::size_t consumed = 0;
    for (;;) {
      const auto reply = reader_.next(received.substr(consumed));
      if (!reply || (reply->value && waiting_.empty())) {
        connection_->close({ErrorCode::internal, Outcome::unknown, "the server does not speak RESP", {}});
        return received.size();
      }
      consumed += reply->consumed;
      if (!reply->value) return consumed;
      answer(*reply->value);
    }
  }
  void on_end() override { connection_->close({ErrorCode::unavailable, Outcome::unknown, "the server hung up", {}}); }
  void on_closed(const Error& why) override {
    closed_ = why;
    connection_ = nullptr;
    for (auto& [done, since] : std::exchange(waiting_, {})) done(&closed_);
  }

  bool closed() const { return connection_ == nullptr; }
  // Closes, if it owes an answer for longer than `patience`.
  void look(Duration patience) {
    if (closed() || waiting_.empty() || net::steady_now() - waiting_.front().since < patience) return;
    connection_->close({ErrorCode::timeout, Outcome::unknown, "the server does not answer", {}});
  }
  // The loop has ended.
  void drop() { connection_ = nullptr; }

 private:
  void answer(const wire::RespValue& reply) {
    BenchTarget::Done done = std::move(waiting_.front().done);
    waiting_.pop_front();
    if (reply.kind == wire::RespValue::Kind::null) {
      static const Error kNothing{ErrorCode::not_found, Outcome::not_applied, {}, {}};
      return done(&kNothing);
    }
    if (reply.kind != wire::RespValue::Kind::error) return done(nullptr);
    const Error refused{code_of(reply.text), Outcome::unknown, reply.text, {}};
    done(&refused);
  }

  net::ByteConnectionPtr connection_;
  wire::RespReader reader_;
  struct Waiting {
    BenchTarget::Done done;
    Instant since;
  };
  std::deque<Waiting> waiting_;
  Error closed_;
};

class RespTarget final : public BenchTarget {
 public:
  explicit RespTarget(Duration patience) {
    loop_.every(kLookEvery, [this, patience] {
      for (const auto& link : links_) link->look(patience);
    });
    loop_.start();
  }
  ~RespTarget() override {
    loop_.stop();
    loop_.join();
    loop_.discard();
    for (const auto& link : links_) link->drop();
  }

  Result<void> connect(const RespEndpoint& endpoint, std::chrono::milliseconds timeout) {
    const std::string login = login_of(endpoint);
    std::promise<Result<void>> connected;
    loop_.post([&] {
      net::connect_bytes(loop_, endpoint.address, timeout, {}, [&](Result<net::ByteConnectionPtr> connection) {
        if (!connection) return connected.set_value(fail(connection.error()));
        links_.push_back(std::make_shared<RespLink>(*connection));
        (*connection)->start(links_.back());
        if (login.empty()) return connected.set_value({});
        links_.back()->send(login, [&](const Error* refused) {
          if (refused == nullptr) return connected.set_value({});
          Error why = *refused;
          if (why.code == ErrorCode::internal) why.code = ErrorCode::denied;
          connected.set_value(fail(std::move(why)));
        });
      });
    });
    return connected.get_future().get();
  }

  void get(std::string_view key, Done done) override {
    std::string command;
    append_words(command, {"GET", key});
    send(std::move(command), std::move(done));
  }
  void put(std::string_view key, std::string_view value, Done done) override {
    std::string command;
    append_words(command, {"SET", key, value});
    send(std::move(command), std::move(done));
  }

 private:
  static std::string login_of(const RespEndpoint& endpoint) {
    std::string command;
    if (!endpoint.user.empty()) {
      append_words(command, {"AUTH", endpoint.user, endpoint.password});
    } else if (!endpoint.password.empty()) {
      append_words(command, {"AUTH", endpoint.password});
    }
    return command;
  }

  void send(std::string command, Done done) {
    if (loop_.on_this_thread()) return send_here(command, std::move(done));
    loop_.post([this, command = std::move(command), done = std::move(done)]() mutable {
      send_here(command, std::move(done));
    });
  }

  // In turn over the links that are left; where none is, after a pause: whoever is answered begins the next call.
  void send_here(const std::string& command, Done done) {
    for (std::size_t i = 0; i < links_.size(); ++i) {
      RespLink& link = *links_[turn_++ % links_.size()];
      if (!link.closed()) return link.send(command, std::move(done));
    }
    loop_.after(kLookEvery, [this, done = std::move(done)]() mutable { links_.front()->send({}, std::move(done)); });
  }

  static constexpr Duration kLookEvery = std::chrono::milliseconds(100);

  net::Loop loop_{"bench-resp"};
  std::vector<std::shared_ptr<RespLink>> links_;
  std::size_t turn_ = 0;
};

}  // namespace

std::shared_ptr<BenchTarget> make_client_target(std::shared_ptr<Client> client) {
  return std::make_shared<ClientTarget>(std::move(client));
}

Result<std::shared_ptr<BenchTarget>> make_resp_target(const RespEndpoint& endpoint, std::uint32_t connections,
                                                      std::chrono::milliseconds patience) {
  auto target = std::make_shared<RespTarget>(patience);
  for (std::uint32_t i = 0; i < connections; ++i) GYRE_TRY(target->connect(endpoint, patience));
  return target;
}

}  // namespace gyre::cli
