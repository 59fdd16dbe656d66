// Stores the records of a file, many at a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "gyre/client.h"
#include "tools/gyre/load_window.h"
#include "tools/gyre/record_reader.h"
#include "tools/gyre/transfer.h"

namespace gyre::cli {

struct LoadOptions {
  std::string name;                // of the file, for messages
  std::uint32_t concurrency = 256;  // writes in flight
  bool skip_bad = false;           // go on behind a record that cannot be stored
  std::chrono::milliseconds patience = kTransferPatience;  // give up when nothing was stored for so long
};

struct LoadReport {
  std::uint64_t records = 0;  // stored by this run
  std::uint64_t bytes = 0;    // of the file, read by this run
  std::uint64_t bad = 0;
  std::uint64_t resent = 0;   // writes that had to be sent again
  bool interrupted = false;
  std::optional<Error> error;  // why it stopped early
  RecordPlace stop;            // everything before it is settled; the end of the file if all went well
};

// Reads on the caller's thread; answers arrive on the client's. A write that failed in passing (busy, unavailable,
// timeout) is sent again: storing the same value twice does no harm.
class Loader {
 public:
  using OnBad = std::function<void(const RecordPlace&, const std::string& problem)>;
  // Called about once for every record, on the caller's thread.
  using OnProgress = std::function<void(const LoadReport&)>;

  Loader(Client& client, RecordReader& reader, LoadOptions options, OnBad on_bad, OnProgress on_progress);

  // Returns when no write is in flight any more.
  LoadReport run();

 private:
  using Clock = std::chrono::steady_clock;
  using Ticket = LoadWindow::Ticket;
  using Lock = std::unique_lock<std::mutex>;
  struct Failure {
    Ticket ticket;
    Error error;
  };

  bool stopping() const;
  bool has_room() const;
  // Reads a record and sends it. False: there are no more.
  bool send_next(Lock& lock);
  void send(Lock& lock, Ticket ticket);
  void on_answer(Ticket ticket, Result<Version> answer);
  // Sends again, or gives up, what failed.
  void handle_failures(Lock& lock);
  void give_up_record(const RecordPlace& place, const std::string& problem);
  void publish(Lock& lock);

  Client& client_;
  RecordReader& reader_;
  const LoadOptions options_;
  const OnBad on_bad_;
  const OnProgress on_progress_;
  RecordPlace begun_at_;
  std::optional<RecordPlace> halted_at_;  // of the record at which reading ended before the file did

  std::mutex mutex_;  // guards all below
  std::condition_variable answered_;
  LoadWindow window_;
  std::size_t in_flight_ = 0;
  std::deque<Failure> failures_;
  Clock::time_point last_success_;
  std::chrono::milliseconds pause_{0};  // before failures are sent again
  LoadReport report_;
};

}  // namespace gyre::cli
