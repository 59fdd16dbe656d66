// One connection of a Redis client to a node: commands in, replies out in the same order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "net/byte_connection.h"
#include "node/resp_client.h"
#include "node/session.h"
#include "redis/command_table.h"
#include "redis/execution.h"
#include "wire/resp_parser.h"

namespace gyre::node {

// Commands of a pipeline run at once, as far as their order cannot be seen: one that updates waits for the reads of
// its slot before it, and everything of a slot waits for an update before it. Plain writes, and reads after them, are
// kept in order by their host. While one waits nothing further is parsed.
//
// THREAD: its connection's loop; respond() any loop of the node.
class RespSession : public net::ByteHandler,
                    public runtime::Responder,
                    public std::enable_shared_from_this<RespSession> {
 public:
  // Commands that are not answered yet. Beyond: nothing is read.
  static constexpr std::size_t kOpenMax = 1024;

  RespSession(const LoopView& view, RespNode& node, net::ByteConnectionPtr connection);

  std::size_t on_bytes(std::string_view received, Buffer* owner) override;
  void on_end() override { finish(); }
  void on_drained() override;
  void on_closed(const Error& why) override;
  void respond(messages::Response response) override;

  // From now on commands with keys are answered CLUSTERDOWN.
  void refuse_requests() { refusing_ = true; }
  bool idle() const { return pipeline_.empty(); }
  // Reads nothing more; closes when the commands that are open are answered.
  void finish();
  bool closed() const { return connection_ == nullptr; }

 private:
  // What a command does to the keys of its slot, as far as the order of others depends on it.
  enum class Effect : std::uint8_t { none, read, write, update };
  // A command of which the reply has not left.
  struct Open {
    std::optional<redis::Execution> run;
    std::optional<redis::Reply> reply;
    std::vector<redis::Found> found;
    std::size_t found_bytes = 0;
    std::size_t missing = 0;  // answers awaited
    std::optional<Error> failed;
    Slot slot;
    Effect effect = Effect::none;
    messages::ReadConsistency read;
    messages::AckCount ack = messages::kAckOne;
    wire::RespVersion version = wire::RespVersion::resp2;
    bool silent = false;
  };

  void run_command(const redis::Arguments& arguments);
  void run_own(Open& open, const redis::Command& command, const redis::Arguments& arguments, bool skipped);
  void run_planned(Open& open, const redis::Command& command, const redis::Arguments& arguments);
  // How its keys are read here.
  redis::Parsed<messages::ReadConsistency> route(Slot slot, const redis::Command& command) const;
  // Where the slot is served, if that is elsewhere.
  std::optional<redis::Reply> moved(Slot slot) const;

  void start_or_wait(std::uint64_t number, redis::Step step);
  bool must_wait(const Open& open) const;
  void proceed(std::uint64_t number, redis::Step step);
  void ask(std::uint64_t number, const redis::DoReads& reads);
  void ask(std::uint64_t number, redis::DoWrites writes);
  void hand_to_host(Slot slot, messages::Request request);
  void take(messages::Response response);
  redis::Step next_step(Open& open, messages::ResponseBody body);
  bool goes_elsewhere(const Open& open, const Error& why) const;

  void finish(std::uint64_t number, redis::Reply reply);
  void write_ready();
  void refuse_bytes(std::string_view why);
  std::optional<redis::Reply> too_much(const redis::DoReads& reads) const;
  std::optional<redis::Reply> too_much(const redis::DoWrites& writes) const;
  bool output_full() const;
  bool must_hold() const;
  void resume_if_possible();
  void close_if_done();

  Open& at(std::uint64_t number) { return pipeline_[number - first_]; }
  static std::size_t mark(Slot slot) { return slot.value() % kMarks; }

  // Slots share a mark by chance; they then wait without need.
  static constexpr std::size_t kMarks = 256;

  const LoopView& view_;
  RespNode& node_;
  net::ByteConnectionPtr connection_;
  RespClient client_;
  wire::RespParser parser_;
  std::deque<Open> pipeline_;
  std::uint64_t first_ = 0;  // the number of pipeline_.front()
  std::array<std::uint16_t, kMarks> open_reads_{};
  std::array<std::uint16_t, kMarks> open_updates_{};
  std::optional<redis::Step> waiting_;  // of pipeline_.back()
  std::size_t found_bytes_ = 0;  // of values that were read and have not become output
  bool held_ = false;
  bool refusing_ = false;
  bool closing_ = false;  // once the pipeline is answered
};

}  // namespace gyre::node
