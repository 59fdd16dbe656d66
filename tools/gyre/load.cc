#include "tools/gyre/load.h"

#include <algorithm>

#include <fmt/format.h>

#include "tools/gyre/interrupt.h"

namespace gyre::cli {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kBytesInFlightMax = 64 * 1024 * 1024;
// A slow write holds the resume point back; beyond so many records behind it the load waits.
constexpr std::size_t kSpanPerWrite = 64;
constexpr auto kPauseMin = 20ms;
constexpr auto kPauseMax = 1000ms;
// How long Ctrl-C may go unnoticed while waiting.
constexpr auto kLoadLook = 100ms;

bool record_is_bad(ErrorCode code) { return code == ErrorCode::too_large || code == ErrorCode::invalid_argument; }

}  // namespace

Loader::Loader(Client& client, RecordReader& reader, LoadOptions options, OnBad on_bad, OnProgress on_progress)
    : client_(client),
      reader_(reader),
      options_(std::move(options)),
      on_bad_(std::move(on_bad)),
      on_progress_(std::move(on_progress)),
      begun_at_(reader.place()),
      last_success_(Clock::now()) {
  report_.stop = begun_at_;
}

LoadReport Loader::run() {
  Lock lock(mutex_);
  bool more = true;
  while (!stopping() && (more || window_.open() > 0)) {
    handle_failures(lock);
    if (more && has_room()) {
      more = send_next(lock);
    } else {
      answered_.wait_for(lock, kLoadLook);
    }
    publish(lock);
  }
  // What is in flight is let finish; what failed stays open for a later run.
  answered_.wait(lock, [&] { return in_flight_ == 0; });
  report_.interrupted = interrupted();
  publish(lock);
  return report_;
}

bool Loader::stopping() const { return interrupted() || report_.error; }

bool Loader::has_room() const {
  return failures_.empty() && in_flight_ < options_.concurrency && window_.open_bytes() < kBytesInFlightMax &&
         window_.span() < kSpanPerWrite * options_.concurrency;
}

bool Loader::send_next(Lock& lock) {
  lock.unlock();
  auto record = reader_.next();
  lock.lock();
  if (interrupted()) {  // the signal may have cut the read short
    halted_at_ = reader_.begun();
    return true;
  }
  if (!record && record.error().code == ErrorCode::storage_failed) {
    report_.error = record.error();
    halted_at_ = reader_.begun();
    return false;
  }
  if (!record) {
    give_up_record(reader_.begun(), record.error().message);
    if (report_.error) halted_at_ = reader_.begun();
    return true;
  }
  if (!*record) return false;
  send(lock, window_.begin(reader_.begun(), std::move(**record)));
  return true;
}

void Loader::send(Lock& lock, Ticket ticket) {
  ++in_flight_;
  const Record& record = window_.record(ticket);  // stays in place until it is settled
  lock.unlock();
  client_.put(record.key, record.value, PutOptions{.ttl = record.ttl, .condition = {}},
              [this, ticket](Result<Version> answer) { on_answer(ticket, std::move(answer)); });
  lock.lock();
}

void Loader::on_answer(Ticket ticket, Result<Version> answer) {
  const std::lock_guard lock(mutex_);
  --in_flight_;
  if (answer) {
    window_.settle(ticket);
    ++report_.records;
    last_success_ = Clock::now();
    pause_ = 0ms;
  } else {
    failures_.push_back({ticket, std::move(answer.error())});
  }
  answered_.notify_one();
}

void Loader::handle_failures(Lock& lock) {
  if (failures_.empty()) return;
  const auto failures = std::exchange(failures_, {});
  std::vector<Ticket> again;
  for (const auto& [ticket, error] : failures) {
    if (record_is_bad(error.code)) {
      give_up_record(window_.place(ticket), error.message);
      // Settled only where the load goes on behind it: else a later run must meet it again.
      if (options_.skip_bad) window_.settle(ticket);
    } else if (!passing(error.code) || Clock::now() - last_success_ > options_.patience) {
      if (!report_.error) report_.error = error;
    } else {
      again.push_back(ticket);
    }
  }
  if (again.empty() || report_.error) return;
  pause_ = std::clamp<std::chrono::milliseconds>(pause_ * 2, kPauseMin, kPauseMax);
  const auto until = Clock::now() + pause_;
  while (!interrupted() && Clock::now() < until) {
    answered_.wait_for(lock, std::min<Clock::duration>(kLoadLook, until - Clock::now()));
  }
  if (interrupted()) return;
  for (const Ticket ticket : again) {
    ++report_.resent;
    send(lock, ticket);
  }
}

void Loader::give_up_record(const RecordPlace& place, const std::string& problem) {
  ++report_.bad;
  on_bad_(place, problem);
  if (options_.skip_bad || report_.error) return;
  report_.error = Error{ErrorCode::invalid_argument,
                        Outcome::not_applied,
                        fmt::format("{}:{}: {}", options_.name, place.line, problem),
                        {}};
}

void Loader::publish(Lock& lock) {
  report_.bytes = reader_.place().offset - begun_at_.offset;
  report_.stop = window_.first_open().value_or(halted_at_.value_or(reader_.place()));
  const auto report = report_;
  lock.unlock();
  on_progress_(report);
  lock.lock();
}

}  // namespace gyre::cli
