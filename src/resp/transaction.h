// What a connection has said between MULTI and EXEC, and what it watches.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "redis/command_table.h"
#include "redis/transaction.h"

namespace gyre::resp {

class Transaction {
 public:
  // A command of the connection's own, run once the others have.
  struct Own {
    const redis::Command* command;
    std::vector<std::string> arguments;
  };
  using Item = std::variant<redis::Queued, Own>;
  struct Taken {
    bool spoiled = false;
    std::vector<Item> queue;
    std::optional<Slot> slot;  // of all keys, watched ones too; none: there are none
    std::shared_ptr<const redis::Watch> watch;
  };

  // From MULTI on.
  bool begun() const { return begun_; }
  // Commands said since; none: it has not begun.
  std::optional<std::size_t> queued() const { return begun_ ? std::optional(queue_.size()) : std::nullopt; }
  redis::Reply begin();
  // A command was refused: so will EXEC be.
  void spoil() { spoiled_ = begun_; }
  // Of commands that a connection answers by itself: not those that wait, that change how replies are written, or that
  // set what is promised: what is queued behind them would be written before they run.
  static bool fits(const redis::Command& command);
  // Keys of `slot` are to be in the transaction. False: there are others.
  bool join(std::optional<Slot> slot);
  // The reply; an error, and it is spoiled, where it holds too much.
  redis::Reply enqueue(Item item, const redis::Arguments& arguments);
  // Why so many keys of `slot` cannot be watched; none: they can.
  std::optional<redis::Reply> unwatchable(std::optional<Slot> slot, std::size_t keys) const;
  redis::Plan watch(Slot slot, const redis::Arguments& arguments);
  redis::Reply unwatch(const redis::Arguments& arguments);
  redis::Reply discard();
  // EXEC itself was refused: nothing is left.
  redis::Reply abort(const redis::Reply& refusal);
  // Of EXEC: it begins anew, and watches nothing. REQUIRES: begun().
  Taken take();

 private:
  bool begun_ = false;
  bool spoiled_ = false;
  std::size_t bytes_ = 0;
  std::size_t own_ = 0;  // of queue_
  std::vector<Item> queue_;
  std::optional<Slot> slot_;
  std::shared_ptr<redis::Watch> watch_ = std::make_shared<redis::Watch>();
};

}  // namespace gyre::resp
