#include "resp/transaction.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"

namespace gyre::resp {

using redis::Reply;

namespace {

// What is kept of a command and of each argument besides its bytes, about.
constexpr std::size_t kCommandBytes = 256;
constexpr std::size_t kArgumentBytes = 160;
// They run in one go, while nobody else whom the loop serves is served; some go through all connections.
constexpr std::size_t kOwnMax = 1000;
// A connection that watches so much compares it with what it finds at each EXEC.
constexpr std::size_t kWatchedMax = 1000;

}  // namespace

Reply Transaction::begin() {
  if (begun_) return Reply::error("ERR MULTI calls can not be nested");
  begun_ = true;
  return Reply::ok();
}

bool Transaction::fits(const redis::Command& command) {
  constexpr std::array<std::string_view, 24> kFit = {
      "asking",          "client|getname",  "client|id",      "client|info",   "client|kill",   "client|list",
      "client|no-evict", "client|setinfo",  "client|setname", "config|get",    "echo",          "info",
      "latency|doctor",  "latency|history", "latency|latest", "latency|reset", "ping",          "readonly",
      "readwrite",       "select",          "slowlog|get",    "slowlog|len",   "slowlog|reset", "time"};
  return (command.group == redis::Group::cluster && command.is_subcommand()) ||
         std::ranges::find(kFit, command.name) != kFit.end();
}

bool Transaction::join(std::optional<Slot> slot) {
  if (!slot) return true;
  if (!slot_) slot_ = slot;
  return slot_ == slot;
}

Reply Transaction::enqueue(Item item, const redis::Arguments& arguments) {
  bytes_ += kCommandBytes;
  for (std::size_t i = 0; i < arguments.size(); ++i) bytes_ += kArgumentBytes + arguments[i].size();
  if (bytes_ > limits::kConnectionOutputBytesMax) {
    spoil();
    return Reply::error("ERR this transaction holds too much memory: DISCARD it, and do it in parts");
  }
  if (std::holds_alternative<Own>(item) && ++own_ > kOwnMax) {
    spoil();
    return Reply::error(
        "ERR this transaction has too many commands that touch no key: DISCARD it, and send them alone");
  }
  queue_.push_back(std::move(item));
  return Reply::simple("QUEUED");
}

std::optional<Reply> Transaction::unwatchable(std::optional<Slot> slot, std::size_t keys) const {
  if (begun_) return Reply::error("ERR WATCH inside MULTI is not allowed");
  if (slot_ && slot_ != slot) return Reply::error(redis::words::kCrossSlot);
  if (watch_->size() + keys <= kWatchedMax) return std::nullopt;
  return Reply::error("ERR this connection watches too many keys: UNWATCH them");
}

redis::Plan Transaction::watch(Slot slot, const redis::Arguments& arguments) {
  slot_ = slot;
  std::vector<Bytes> keys;
  for (std::size_t i = 1; i < arguments.size(); ++i) keys.push_back(Bytes::copy_of(arguments[i]));
  return redis::plan_watch(std::move(keys), watch_);
}

// EXEC forgets what is watched, whatever is among its commands.
Reply Transaction::unwatch(const redis::Arguments& arguments) {
  if (begun_) return enqueue(redis::Queued{Reply::ok()}, arguments);
  watch_ = std::make_shared<redis::Watch>();
  slot_.reset();
  return Reply::ok();
}

Reply Transaction::discard() {
  if (!begun_) return Reply::error("ERR DISCARD without MULTI");
  *this = {};
  return Reply::ok();
}

Reply Transaction::abort(const Reply& refusal) {
  *this = {};
  std::string_view why = refusal.bytes;
  why.remove_prefix(std::min(why.find(' ') + 1, why.size()));
  return Reply::error_text(fmt::format("EXECABORT Transaction discarded because of: {}", why));
}

Transaction::Taken Transaction::take() {
  GYRE_ASSERT(begun_);
  Transaction taken = std::exchange(*this, {});
  return {taken.spoiled_, std::move(taken.queue_), taken.slot_, std::move(taken.watch_)};
}

}  // namespace gyre::resp
