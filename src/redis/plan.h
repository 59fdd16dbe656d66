// What one command asks of Gyre, and how what came of it becomes a reply.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"
#include "messages/operation.h"
#include "messages/request.h"
#include "redis/reply.h"

namespace gyre::redis {

struct Read {
  Bytes key;
  bool value_wanted = true;  // false: version and expiry only
};
using Found = messages::GetResponse;
using Written = Result<std::vector<messages::WriteOutcome>>;

// Reads that know nothing of each other; what they found comes in their order.
struct ReadPlan {
  std::vector<Read> reads;
  std::function<Reply(std::span<const Found>)> reply;
};

// One request of writes, all or none.
struct WritePlan {
  std::vector<messages::WriteOperation> operations;
  std::function<Reply(const Written&)> reply;
  // Each operation stands for itself, as if the command had been sent once for each key: a router may divide them over
  // partitions and give the outcomes in the order of the operations.
  bool divisible = false;
};

// What reading led to. Without operations the reply is final; else it is what to answer once they are applied.
struct Decision {
  Reply reply;
  std::vector<messages::WriteOperation> operations = {};
};

// Read, decide, write what was decided if nothing has changed in between; else the same again. All keys are of one
// partition.
struct UpdatePlan {
  std::vector<Read> reads;
  std::function<Decision(std::span<const Found>)> decide;
};

// Look through the keys of all partitions: whoever knows these carries it out.
struct ScanPlan {
  enum class Kind : std::uint8_t {
    page,    // some names, and where to go on
    names,   // all names
    number,  // how many there are
    any,     // some name, wherever it is
    clear,   // deletes them
  };
  Kind kind = Kind::page;
  std::uint64_t cursor = 0;  // of a page: where to go on; 0: at the beginning
  Bytes prefix;  // of what is looked for
  std::optional<std::string> pattern;  // none: every name will do
  std::uint32_t count = 0;  // of a page: names to look at, about; of names: to give
  std::optional<Slot> slot;  // only of this one
  bool finds_nothing = false;  // another type is asked for than there is
};

// A Reply: there is nothing to do, or the arguments are wrong.
using Plan = std::variant<Reply, ReadPlan, WritePlan, UpdatePlan, ScanPlan>;

// What a plan depends on besides its arguments.
struct Context {
  UnixMillis now;  // to check absolute times against; what is relative stays so, and the partition's clock decides
  std::size_t value_bytes_max = limits::kValueBytesDefaultMax;
};

}  // namespace gyre::redis
