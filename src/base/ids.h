// The names of things: strong types, so that no two of them are ever mixed up.
//
// The vocabulary of this folder is everyone's, so it lives in `gyre` itself rather than in `gyre::base`.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gyre/result.h"

namespace gyre {

// An integer with a meaning. Ordered; no arithmetic except next().
template <class Tag, class Rep>
class Id {
 public:
  using rep = Rep;

  constexpr Id() = default;
  constexpr explicit Id(Rep value) : value_(value) {}

  constexpr Rep value() const { return value_; }
  constexpr Id next() const { return Id(static_cast<Rep>(value_ + 1)); }
  constexpr auto operator<=>(const Id&) const = default;

 private:
  Rep value_ = 0;
};

using Slot = Id<struct SlotTag, std::uint16_t>;            // 0 to 16383
using PartitionId = Id<struct PartitionTag, std::uint16_t>;  // 0 to P-1
using Term = Id<struct TermTag, std::uint64_t>;            // 0: before the first appointment
using Sequence = Id<struct SequenceTag, std::uint64_t>;    // 0: before the first write
using Epoch = Id<struct EpochTag, std::uint64_t>;          // 0: no map yet
using RequestId = Id<struct RequestTag, std::uint64_t>;    // unique on one connection
// Of a node's data: goes up with every start after which acknowledged writes may be missing.
using Generation = Id<struct GenerationTag, std::uint64_t>;
using ClientId = Id<struct ClientTag, std::uint64_t>;      // random; 0: none
using WriteNumber = Id<struct WriteNumberTag, std::uint64_t>;  // of one client's writes
// One life of one process: higher than that of any earlier process on the same data directory.
using Incarnation = Id<struct IncarnationTag, std::uint64_t>;
// One connection of one process.
using ConnectionId = Id<struct ConnectionTag, std::uint64_t>;

// How far a partition's history has been applied: term of the last applied write, and its sequence.
// Ordered by term, then sequence.
struct Position {
  Term term;
  Sequence sequence;

  constexpr auto operator<=>(const Position&) const = default;
};

// A node's name, chosen by its operator: 1 to 63 of [a-z A-Z 0-9 . _ -], beginning with a letter or digit.
class NodeId {
 public:
  NodeId() = default;
  // REQUIRES: valid(name).
  explicit NodeId(std::string name);

  // ERRORS: invalid_argument.
  static Result<NodeId> parse(std::string_view name);
  static bool valid(std::string_view name);

  const std::string& str() const { return name_; }
  bool empty() const { return name_.empty(); }
  auto operator<=>(const NodeId&) const = default;

 private:
  std::string name_;
};

bool among(const std::vector<NodeId>& nodes, const NodeId& node);

// 128 random bits in 32 lower-case hex digits; names a cluster or a data directory.
class Uuid {
 public:
  Uuid() = default;
  static Uuid from_words(std::uint64_t high, std::uint64_t low);
  // ERRORS: invalid_argument.
  static Result<Uuid> parse(std::string_view text);

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const Uuid&) const = default;

 private:
  std::string text_;
};

using ClusterId = Uuid;

// "3:1042"
std::string to_string(Position position);

}  // namespace gyre

template <class Tag, class Rep>
struct std::hash<gyre::Id<Tag, Rep>> {
  std::size_t operator()(gyre::Id<Tag, Rep> id) const { return std::hash<Rep>()(id.value()); }
};
