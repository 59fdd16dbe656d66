// The public API over a backend: checks arguments, turns calls into requests and responses into results.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/backend.h"
#include "client/convert.h"
#include "client/scan.h"
#include "gyre/client.h"

namespace gyre::client {

// A handler that gives `done` what `convert` makes of the response.
template <class T, class Convert>
Backend::Handler converting(Callback<T> done, Convert convert) {
  return [done = std::move(done), convert = std::move(convert)](Result<messages::ResponseBody> body) mutable {
    if (!body) return done(fail(std::move(body).error()));
    done(convert(*std::move(body)));
  };
}

// Where `key` lives by `map`. ERRORS: invalid_argument.
Result<KeyLocation> locate_in(const ring::ClusterMap& map, std::string_view key);

// What calls ask for that say nothing else.
struct Levels {
  Ack ack = Ack::one();
  Read read = Read::session();
};

// `Interface` is Client, or a class that adds to it.
template <class Interface>
class ApiClient : public Interface {
 public:
  ApiClient(std::unique_ptr<Backend> backend, Levels levels) : backend_(std::move(backend)), levels_(levels) {}

  void get(std::string_view key, CallOptions options, Callback<Value> done) final {
    backend_->submit(get_request(key, true, options.read.value_or(levels_.read)), options.deadline,
                     converting(std::move(done), to_value));
  }

  void put(std::string_view key, std::string_view value, PutOptions options, Callback<Version> done) final {
    write_one(Batch().put(std::string(key), std::string(value), options), options, std::move(done),
              [](const WriteOutcome& outcome) -> Result<Version> { return outcome.version; });
  }

  void del(std::string_view key, DelOptions options, Callback<bool> done) final {
    write_one(Batch().del(std::string(key), options.condition), options, std::move(done),
              [](const WriteOutcome& outcome) -> Result<bool> { return outcome.existed; });
  }

  void incr(std::string_view key, std::int64_t delta, CallOptions options, Callback<std::int64_t> done) final {
    write_one(Batch().incr(std::string(key), delta), options, std::move(done),
              [](const WriteOutcome& outcome) -> Result<std::int64_t> { return outcome.number; });
  }

  void expire(std::string_view key, std::chrono::milliseconds ttl, CallOptions options, Callback<Version> done) final {
    write_one(Batch().expire(std::string(key), ttl), options, std::move(done),
              [](const WriteOutcome& outcome) -> Result<Version> {
                if (!outcome.existed) return no_such_key();
                return outcome.version;
              });
  }

  void persist(std::string_view key, CallOptions options, Callback<bool> done) final {
    write_one(Batch().persist(std::string(key)), options, std::move(done),
              [](const WriteOutcome& outcome) -> Result<bool> {
                if (!outcome.existed) return no_such_key();
                return outcome.changed;
              });
  }

  void ttl(std::string_view key, CallOptions options, Callback<std::optional<std::chrono::milliseconds>> done) final {
    backend_->submit(get_request(key, false, options.read.value_or(levels_.read)), options.deadline,
                     converting(std::move(done), [](messages::ResponseBody body) { return to_ttl(std::move(body)); }));
  }

  void scan(const ScanOptions& options, std::string_view cursor, Callback<ScanPage> done) final {
    scan_page(*backend_, options, options.read.value_or(levels_.read), cursor, std::move(done));
  }

  void write(Batch batch, CallOptions options, Callback<std::vector<WriteOutcome>> done) final {
    backend_->submit(write_request(batch, terms(options)), options.deadline,
                     converting(std::move(done), [count = batch.operations().size()](messages::ResponseBody body) {
                       return to_outcomes(std::move(body), count);
                     }));
  }

  Result<KeyLocation> locate(std::string_view key) final { return locate_in(*backend_->map(), key); }

  std::string session_token() final { return backend_->session_token(); }
  Result<void> resume_session(std::string_view token) final { return backend_->resume_session(token); }
  void reset_session() final { backend_->reset_session(); }

 private:
  bool on_callback_thread() const final { return backend_->on_callback_thread(); }

  static std::unexpected<Error> no_such_key() { return fail(ErrorCode::not_found, "there is no such key"); }

  // `Options`: PutOptions, DelOptions or CallOptions.
  template <class Options>
  WriteTerms terms(const Options& options) const {
    return {options.ack.value_or(levels_.ack), options.id, backend_->value_bytes_max()};
  }

  template <class T, class Options, class Pick>
  void write_one(const Batch& batch, const Options& options, Callback<T> done, Pick pick) {
    backend_->submit(write_request(batch, terms(options)), options.deadline,
                     converting(std::move(done), [pick](messages::ResponseBody body) -> Result<T> {
                       GYRE_TRY_SET(const auto outcomes, to_outcomes(std::move(body), 1));
                       return pick(outcomes.front());
                     }));
  }

  std::unique_ptr<Backend> backend_;
  Levels levels_;
};

}  // namespace gyre::client
