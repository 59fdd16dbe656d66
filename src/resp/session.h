// One connection of a Redis client: commands in, replies out in the same order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "net/byte_connection.h"
#include "redis/command_table.h"
#include "redis/execution.h"
#include "resp/backend.h"
#include "resp/barrier.h"
#include "resp/client.h"
#include "resp/scan.h"
#include "resp/server.h"
#include "resp/slot_order.h"
#include "resp/transaction.h"
#include "wire/resp_parser.h"

namespace gyre::resp {

// Commands of a pipeline run at once, as far as their order cannot be seen (SlotOrder). While one waits nothing further
// is parsed.
//
// THREAD: its connection's loop; respond() any of the process.
class Session : public net::ByteHandler, public runtime::Responder, public std::enable_shared_from_this<Session> {
 public:
  // Commands that are not answered yet. Beyond: nothing is read.
  static constexpr std::size_t kOpenMax = 1024;
  // The requests of one command: its number, then their index.
  static constexpr std::uint64_t kRequestsPerCommand = std::uint64_t{1} << 20;

  // What all sessions of a loop share; outlives them.
  struct Shared {
    net::Loop& loop;
    Backend& backend;
    Server& server;
    Counter& malformed;  // connections closed because of what they sent
  };

  Session(const Shared& shared, net::ByteConnectionPtr connection);

  std::size_t on_bytes(std::string_view received, Buffer* owner) override;
  void on_end() override { finish(); }
  void on_drained() override;
  void on_closed(const Error& why) override;
  void respond(messages::Response response) override;

  bool idle() const { return pipeline_.empty(); }
  // Reads nothing more; closes when the commands that are open are answered.
  void finish();
  bool closed() const { return connection_ == nullptr; }

 private:
  // A write that goes as several requests.
  struct Divided {
    std::vector<std::vector<std::size_t>> parts;  // indices of operations, one request each
    std::vector<PartitionId> partitions;  // of the parts
    std::vector<messages::WriteOutcome> outcomes;  // of the operations
    std::size_t written = 0;  // parts
  };
  // A command of the connection's own in a transaction, and its place in the reply.
  struct OwnItem {
    std::size_t place;
    Transaction::Own command;
  };
  // A command of which the reply has not left.
  struct Open {
    std::optional<redis::Execution> run;
    std::optional<redis::Reply> reply;
    std::vector<redis::Found> found;
    std::vector<messages::WriteOutcome> outcomes;
    std::size_t found_bytes = 0;
    std::size_t missing = 0;  // answers awaited
    std::size_t write_bytes = 0;  // of what is being written
    Instant deadline = kNever;
    std::optional<Error> failed;
    std::unique_ptr<Divided> divided;
    std::unique_ptr<Scan> scan;
    std::optional<Barrier::Wanted> wait;  // the command is WAIT
    std::unique_ptr<Barrier> barrier;
    std::unique_ptr<Transaction::Own> awaiting;  // the command is the connection's own, and runs behind all before it
    std::vector<OwnItem> own_items;  // of EXEC: they run once the others have
    PartitionId writing;  // where its one request of writes goes
    std::vector<std::pair<PartitionId, Position>> asked;  // of its requests, in a session: what they carried
    bool asking = false;  // for a page of it, just now
    std::optional<Slot> slot;  // of all its keys; none: it has none, or of many slots
    Effect effect = Effect::none;
    messages::ReadConsistency read;
    messages::AckCount ack = messages::kAckOne;
    wire::RespVersion version = wire::RespVersion::resp2;
    bool silent = false;
    // What the slow log shows, where it took long.
    const redis::Command* command = nullptr;  // null: it is of no interest
    Instant began{};
    std::size_t arguments = 0;
    std::array<char, SlowLog::kShownMax> first;  // the argument behind the name
    std::size_t first_bytes = 0;
  };

  // Prepares for the GETs that `rest` begins with. How many bytes they take.
  std::size_t look_ahead(std::string_view rest) const;
  void run_command(const redis::Arguments& arguments);
  // False: it takes its course as all commands do.
  bool answer_at_once(const redis::Command& command, const redis::Arguments& arguments);
  void note_begin(Open& open, const redis::Command& command, const redis::Arguments& arguments) const;
  void note_end(const Open& open);
  std::optional<redis::Reply> over_rate(const redis::Command& command);
  void run_own(Open& open, const redis::Command& command, const redis::Arguments& arguments, bool skipped);
  redis::Reply reply_of_own(const redis::Command& command, const redis::Arguments& arguments);
  redis::Reply run_own_items(std::vector<OwnItem> items, redis::Reply exec);
  void await_session(Open& open, const redis::Command& command, const redis::Arguments& arguments);
  void run_planned(Open& open, const redis::Command& command, const redis::Arguments& arguments);
  // Where the keys of a command are, and how they are read.
  std::optional<redis::Reply> aim(Open& open, const redis::Command& command, std::optional<Slot> slot);
  void run(Open& open, redis::Plan plan);
  void run_transactional(Open& open, const redis::Command& command, const redis::Arguments& arguments);
  redis::Reply queue(Open& open, const redis::Command& command, const redis::Arguments& arguments);
  void exec(Open& open, const redis::Command& command);
  void wait(const redis::Command& command, const redis::Arguments& arguments);
  void start_or_wait(std::uint64_t number, redis::Step step);
  void proceed(std::uint64_t number, redis::Step step);
  void ask(std::uint64_t number, const redis::DoReads& reads);
  void ask(std::uint64_t number, redis::DoWrites writes);
  std::optional<redis::Reply> take_loss(const Open& open, const redis::DoReads& reads);
  void note_told(const Open& open);
  Position carry_seen(Open& open, Slot slot);
  void carry_seen(Open& open, Slot slot, messages::ReadConsistency& read);
  void note_seen(const Open& open, std::size_t part, const messages::ResponseBody& body);
  // By the slots of the keys, if these are several.
  std::unique_ptr<Divided> divide(const std::vector<messages::WriteOperation>& operations) const;
  void note(Open& open, std::size_t part, messages::ResponseBody& body);
  void note_written(PartitionId partition, const messages::WriteResponse& response);
  bool must_wait(const Open& open) const;
  void ask_members(std::uint64_t number);
  void end_wait(std::uint64_t number);
  void look_on(std::uint64_t number);
  void take(messages::Response response);
  redis::Step next_step(Open& open);
  static redis::Written written(Open& open);

  void finish(std::uint64_t number, redis::Reply reply);
  void write_ready();
  void refuse_bytes(std::string_view why);
  std::optional<redis::Reply> too_much(const redis::DoReads& reads) const;
  std::optional<redis::Reply> too_much(const redis::DoWrites& writes) const;
  bool output_full() const;
  // What they change is for the commands behind them to see, so there is none yet.
  bool own_items_open() const { return !pipeline_.empty() && !pipeline_.back().own_items.empty(); }
  bool must_hold() const;
  void resume_if_possible();
  void close_if_done();

  Open& at(std::uint64_t number) { return pipeline_[number - first_]; }

  const Shared& shared_;
  Backend& backend_;
  Server& server_;
  net::ByteConnectionPtr connection_;
  Client client_;
  const ClientEntryPtr entry_;  // what others see of it
  Instant read_at_{};  // when the commands that are being run were read
  wire::RespParser parser_;
  std::deque<Open> pipeline_;
  std::uint64_t first_ = 0;  // the number of pipeline_.front()
  SlotOrder order_;
  Transaction transaction_;
  Written written_;  // and answered
  std::optional<redis::Step> waiting_;  // of pipeline_.back()
  std::size_t requests_open_ = 0;  // of all commands
  std::size_t write_bytes_ = 0;
  std::size_t found_bytes_ = 0;  // of values that were read and have not become output
  bool held_ = false;
  bool closing_ = false;  // once the pipeline is answered
};

}  // namespace gyre::resp
