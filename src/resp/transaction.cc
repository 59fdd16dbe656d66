#include "resp/transaction.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/limits.h"

namespace gyre::resp {

using redis::Reply;

namespace {

// What is kept of a command besides its arguments, about.
constexpr std::size_t kCommandBytes = 256;

}  // namespace

Reply Transaction::begin() {
  if (begun_) return Reply::error("ERR MULTI calls can not be nested");
  begun_ = true;
  return Reply::ok();
}

bool Transaction::join(std::optional<Slot> slot) {
  if (!slot) return true;
  if (!slot_) slot_ = slot;
  return slot_ == slot;
}

bool Transaction::queue(Item item, const redis::Arguments& arguments) {
  bytes_ += kCommandBytes;
  for (std::size_t i = 0; i < arguments.size(); ++i) bytes_ += arguments[i].size();
  if (bytes_ > limits::kConnectionOutputBytesMax) return false;
  queue_.push_back(std::move(item));
  return true;
}

redis::Plan Transaction::watch(const redis::Command& command, const redis::Arguments& arguments) {
  if (begun_) return Reply::error("ERR WATCH inside MULTI is not allowed");
  const auto slot = redis::slot_of_keys(command, arguments);
  if (!slot) return slot.error();
  if (!join(*slot)) return Reply::error(redis::words::kCrossSlot);
  if (watch_->size() + arguments.size() - 1 > limits::kBatchOperationsMax) {
    return Reply::error("ERR this connection watches too many keys: UNWATCH them");
  }
  std::vector<Bytes> keys;
  for (std::size_t i = 1; i < arguments.size(); ++i) keys.push_back(arguments.bytes(i));
  return redis::plan_watch(std::move(keys), watch_);
}

// EXEC forgets what is watched, whatever is among its commands.
Reply Transaction::unwatch(const redis::Arguments& arguments) {
  if (begun_) {
    spoiled_ = !queue(redis::Queued{Reply::ok()}, arguments) || spoiled_;
    return Reply::simple("QUEUED");
  }
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
