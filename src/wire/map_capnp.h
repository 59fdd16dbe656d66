// What the encodings of maps, of their changes, of placements and plans share: nodes are listed once and named by their
// index in that list everywhere else.
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "wire/codec_capnp.h"

namespace gyre::wire {

using NodeIndices = capnp::List<std::uint16_t>;

// The index of no node.
inline constexpr std::uint16_t kNobody = 0xffff;
// Placements may still name nodes that left.
inline constexpr std::size_t kNamedMax = 2 * std::size_t{limits::kNodesMax};
// Nodes that left, in all: entries name those that have not accounted.
inline constexpr std::size_t kLeftMax = limits::kSlots;
static_assert(limits::kNodesMax + kLeftMax < kNobody);

// Numbers nodes for encoding, by the order in which they are added. The ids must outlive it.
class NodeNumbers {
 public:
  // False: it is there already.
  bool add(const NodeId& id);
  // REQUIRES: it was added.
  std::uint16_t of(const NodeId& id) const;
  std::uint16_t of_or_nobody(const NodeId& id) const { return id.empty() ? kNobody : of(id); }

 private:
  std::unordered_map<std::string_view, std::uint16_t> numbers_;
};

// Nodes that are named, each once, and their numbers.
class NamedNodes {
 public:
  // Ignores the empty id.
  void add(const NodeId& id) {
    if (!id.empty() && numbers_.add(id)) ids_.push_back(&id);
  }
  const NodeNumbers& numbers() const { return numbers_; }
  unsigned size() const { return static_cast<unsigned>(ids_.size()); }
  // Of those behind the first `begin`.
  void encode(capnp::List<capnp::Text>::Builder out, std::size_t begin = 0) const;
  std::size_t words(std::size_t begin = 0) const;

 private:
  NodeNumbers numbers_;
  std::vector<const NodeId*> ids_;
};

// The node ids behind decoded indices.
class NodeTable {
 public:
  explicit NodeTable(std::vector<NodeId> ids) : ids_(std::move(ids)) {}

  // ERRORS of these (thrown): invalid_argument, too_large.
  const NodeId& at(std::uint16_t index) const;
  NodeId at_or_nobody(std::uint16_t index) const { return index == kNobody ? NodeId() : at(index); }
  std::vector<NodeId> members(NodeIndices::Reader indices) const;

 private:
  std::vector<NodeId> ids_;
};

std::vector<NodeId> decode_node_ids(Decoding& decoding, capnp::List<capnp::Text>::Reader in, std::size_t count_max);

ring::PartitionEntry decode_entry(const NodeTable& nodes, schema::PartitionEntry::Reader in);
void encode_entry(const ring::PartitionEntry& entry, const NodeNumbers& nodes, schema::PartitionEntry::Builder out);
// Adds every node that the entry names.
void add_named(const ring::PartitionEntry& entry, NamedNodes& nodes);
// The struct itself included.
std::size_t words_of_entry(const ring::PartitionEntry& entry);

// A map but for its entries.
struct MapHead {
  const ClusterId& cluster;
  Epoch epoch;
  const ring::ClusterShape& shape;
  const ring::MoveLimits& moves;
  const std::vector<ring::NodeInfo>& nodes;
  const std::vector<std::string>& coordinators;
};
// Without checking it (ring::validate).
ring::ClusterMap decode_head(Decoding& decoding, schema::ClusterMap::Reader in);
void encode_head(const MapHead& head, schema::ClusterMap::Builder out);
std::size_t words_of_head(const MapHead& head);

constexpr std::size_t words_for_indices(std::size_t count) { return words_for(count * sizeof(std::uint16_t)); }

}  // namespace gyre::wire
